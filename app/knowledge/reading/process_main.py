"""The child process in which files are read.

A request is the path of a file as bytes. Its reply is JSON: {"document": …} or {"unreadable": "why", "passing": …}.
Other modules answer requests of their own in the same way.
"""

import contextlib
import os
import resource
import signal
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from app.knowledge.documents import UnreadableError
from app.knowledge.reading.formats import read
from app.processes.serving import serve

EXTRA_MEMORY = 1536 * 2**20  # bytes of address space, beyond what the process has at its start
ALARM_SECONDS = 90  # for one file; more than the parent waits


def main(parent: int) -> None:
    """Read files until there are no more. `parent` is the parent's process id."""
    answer_requests(parent, lambda request: read(Path(os.fsdecode(request))))


def answer_requests(parent: int, find: Callable[[bytes], Any]) -> None:
    """Reply to each request with what `find` returns for it or, where it raises UnreadableError or any other error, why
    it cannot be read. Bounded in memory, and in time for each request."""
    os.nice(5)  # whoever is answered comes first
    warnings.simplefilter("ignore")  # libraries', about the markup that they are given
    _limit_memory()
    serve(parent, partial(_answer, find))


def _limit_memory() -> None:
    """Limit the address space, where the system says how much is used and can limit it."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + EXTRA_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _answer(find: Callable[[bytes], Any], request: bytes) -> bytes:
    signal.setitimer(signal.ITIMER_REAL, ALARM_SECONDS)  # the kernel ends the process, whatever it is busy with
    reply = orjson.dumps(_reply(find, request))
    signal.setitimer(signal.ITIMER_REAL, 0)
    return reply


def _reply(find: Callable[[bytes], Any], request: bytes) -> dict[str, Any]:
    try:
        return {"document": find(request)}
    except UnreadableError as error:
        return {"unreadable": str(error), "passing": error.passing}
    except MemoryError:
        return {"unreadable": "reading it takes too much memory", "passing": True}
    except Exception as error:  # noqa: BLE001 - a library's, about a file that is not what its name says
        reason = f"it is damaged, or not what its name says ({type(error).__name__})"
        return {"unreadable": reason, "passing": False}
