"""The child process in which the worker has indexes built.

Requests and replies are JSON: {"home": …, "version": the worker's, "patterns": […]}, and {"name": …} or {"failed": "…",
"traceback": "…"}.
"""

import contextlib
import json
import os
import signal
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from app.knowledge.building.files_state import program_version
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import BuildError, build
from app.processes.serving import serve

STALL_SECONDS = 300  # without progress, after which the kernel ends the process
PATIENCE_SECONDS = 300  # for another process that indexes; one that was stopped would keep this one out without end
_MOST_TRACEBACK = 8000  # characters of its end
_PRIORITY = 10  # streams come first where there is too little computing time for all
_OUT_OF_MEMORY = "500"  # of 1,000: ended before the worker is, where memory runs out


def main(parent: int) -> None:
    """Answer requests until there are no more. `parent` is the parent's process id."""
    give_way()
    serve(parent, lambda request: answer(request, built))


def give_way() -> None:
    """Let the worker come first."""
    os.nice(_PRIORITY)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OUT_OF_MEMORY, encoding="ascii")


def answer(request: bytes, reply: Callable[[IndexFolder, Mapping[str, Any]], Mapping[str, Any]]) -> bytes:
    """What `reply` returns, or why it failed."""
    asked = json.loads(request)  # which, unlike others, takes names that are no UTF-8
    try:
        if asked["version"] != program_version().hex():  # what it makes could not be read there
            raise BuildError("the program on the disk is not the version that runs: restart the server")
        replied = reply(IndexFolder(Path(asked["home"])), asked)
    except BuildError as error:
        replied = {"failed": str(error), "traceback": ""}
    except Exception as error:  # noqa: BLE001 - whatever a file may do to what reads it
        replied = {"failed": repr(error), "traceback": traceback.format_exc()[-_MOST_TRACEBACK:]}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return json.dumps(replied).encode()


def alive(seconds: float = STALL_SECONDS) -> None:
    """The kernel ends the process, also in the middle of a long calculation, where this is not called again in time."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def built(folder: IndexFolder, asked: Mapping[str, Any]) -> dict[str, Any]:
    until = monotonic() + PATIENCE_SECONDS

    def progress(_done: int, total: int, _path: str) -> None:
        alive()
        if not total and monotonic() > until:  # it still waits
            raise BuildError(f"another process has been indexing for {PATIENCE_SECONDS} s")

    return {"name": build(folder, tuple(asked["patterns"]), progress)}
