"""The process in which templates are filled in: calls and replies are JSON."""

import contextlib
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path
from time import thread_time
from typing import Any

import orjson

from app.processes.serving import serve
from app.workflows.templates.filters import SECONDS, TemplateError
from app.workflows.templates.language import fill, whole

ROOM = 512 * 2**20  # bytes, beyond what it has at its start
ALARM_SECONDS = 5  # more than its parent waits


def main(parent: int) -> None:
    """Until there are no more calls."""
    os.nice(5)  # where there is too little computing time for all, streams come first
    _bound_memory()
    serve(parent, _answer)


def _bound_memory() -> None:
    """Where the system tells how much there is, and can bound it."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + ROOM
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _answer(asked: bytes) -> bytes:
    """`texts`; or `error`, the words of a TemplateError."""
    # The kernel ends it, also in the middle of a long calculation, where there is no parent any more to do so.
    signal.setitimer(signal.ITIMER_REAL, ALARM_SECONDS)
    reply = orjson.dumps(_reply(orjson.loads(asked)))
    signal.setitimer(signal.ITIMER_REAL, 0)
    return reply


def _reply(asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        until = thread_time() + SECONDS
        return {"texts": [fill(source, asked["variables"], until) for source in asked["sources"]]}
    except TemplateError as error:
        return {"error": whole(str(error))}
