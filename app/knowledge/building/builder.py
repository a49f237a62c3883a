"""The worker's end of building: a child process for each index, so that what it took is given back."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gevent.lock import BoundedSemaphore

from app.knowledge.building.embedding import Embedded
from app.knowledge.building.files_state import program_version
from app.knowledge.building.making import BuildError
from app.processes.process import Process

log = logging.getLogger(__name__)

_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}


class Builder:
    """Builds in the home folder, one index at a time, and embeds, for one index at a time. The calling greenlet waits.

    What reads files knows nothing of the server's environment; what asks a model's server reads none, and has the key.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._building, self._embedding = BoundedSemaphore(1), BoundedSemaphore(1)

    def build(self, patterns: tuple[str, ...]) -> str:
        """See `build` in making.py. Raises BuildError."""
        with self._building:
            name: str = self._call("process_main", {"patterns": patterns}, {})["name"]
        return name

    def embed(self, name: str, options: Mapping[str, Any], *, doubted: bool) -> Embedded:
        """See `embed` in embedding.py. Raises BuildError."""
        with self._embedding:
            asked = {"name": name, "model": options, "doubted": doubted}
            return Embedded(**self._call("embedding_main", asked, os.environ))

    def _call(self, main: str, asked: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
        request = json.dumps({"home": str(self._home), "version": program_version().hex(), **asked}).encode()
        try:
            process = Process(f"app.knowledge.building.{main}", {**env, **_ENVIRONMENT})
        except OSError as error:
            raise BuildError(f"no process can be started: {error.strerror}") from error
        try:
            reply: dict[str, Any] = json.loads(process.call(request))
        except (EOFError, OSError) as error:
            raise BuildError("the process that indexes has ended, or made no progress") from error
        finally:
            process.kill()
        if reply.get("traceback"):
            log.error("indexing failed: %s", reply["failed"], extra={"traceback": reply["traceback"]})
        if "failed" in reply:
            raise BuildError(reply["failed"])
        return reply
