"""The child process in which templates are filled in.

Requests and replies are JSON: {"sources": […], "variables": {…}}, and {"texts": […]} or {"error": "…"}.
"""

import contextlib
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path
from time import thread_time
from typing import Any

import orjson

from app.engine.texts import clean
from app.processes.serving import serve
from app.workflows.templates.filters import SECONDS, TemplateError
from app.workflows.templates.language import fill

EXTRA_MEMORY = 512 * 2**20  # bytes of address space, beyond what it has at its start
ALARM_SECONDS = 5  # for one request; more than its parent waits


def main(parent: int) -> None:
    """Answer requests until there are no more. `parent` is the parent's process id."""
    os.nice(5)  # streams come first where there is too little computing time for all
    _limit_memory()
    serve(parent, _answer)


def _limit_memory() -> None:
    """Limit the address space, where the system says how much is used and can limit it."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + EXTRA_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _answer(request: bytes) -> bytes:
    # Without a parent the kernel ends the process, also in the middle of a long calculation.
    signal.setitimer(signal.ITIMER_REAL, ALARM_SECONDS)
    reply = orjson.dumps(_reply(orjson.loads(request)))
    signal.setitimer(signal.ITIMER_REAL, 0)
    return reply


def _reply(request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        until = thread_time() + SECONDS
        return {"texts": [fill(source, request["variables"], until) for source in request["sources"]]}
    except TemplateError as error:
        return {"error": clean(str(error))}
