"""The worker's end of building: a child process for each index, so that what it took is given back."""

import json
import logging
from pathlib import Path

from gevent.lock import BoundedSemaphore

from app.knowledge.building.making import BuildError
from app.processes.process import Process

log = logging.getLogger(__name__)

_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}  # and nothing of the server's, such as keys


class Builder:
    """Builds in the home folder, one index at a time."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._turn = BoundedSemaphore(1)

    def build(self, patterns: tuple[str, ...]) -> str:
        """See `build` in making.py; the calling greenlet waits. Raises BuildError."""
        request = json.dumps({"home": str(self._home), "patterns": patterns}).encode()
        with self._turn:
            try:
                process = Process("app.knowledge.building.process_main", _ENVIRONMENT)
            except OSError as error:
                raise BuildError(f"no process can be started: {error.strerror}") from error
            try:
                reply = json.loads(process.call(request))
            except (EOFError, OSError) as error:
                raise BuildError("the process that indexes has ended, or made no progress") from error
            finally:
                process.kill()
        if reply.get("traceback"):
            log.error("indexing failed: %s", reply["failed"], extra={"traceback": reply["traceback"]})
        if "failed" in reply:
            raise BuildError(reply["failed"])
        name: str = reply["name"]
        return name
