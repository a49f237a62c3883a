"""The child process in which the worker has indexes built.

Requests and replies are JSON: {"home": …, "patterns": […]}, and {"name": …} or {"failed": "…", "traceback": "…"}.
Nothing is known of the server's environment here, for files of others are read.
"""

import contextlib
import json
import os
import signal
import traceback
from pathlib import Path
from typing import Any

from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import BuildError, build
from app.processes.serving import serve

STALL_SECONDS = 300  # without progress, after which the kernel ends the process
_MOST_TRACEBACK = 8000  # characters of its end
_PRIORITY = 10  # streams come first where there is too little computing time for all
_OUT_OF_MEMORY = "500"  # of 1,000: ended before the worker is, where memory runs out


def main(parent: int) -> None:
    """Answer requests until there are no more. `parent` is the parent's process id."""
    os.nice(_PRIORITY)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OUT_OF_MEMORY, encoding="ascii")
    serve(parent, answer)


def answer(request: bytes) -> bytes:
    return json.dumps(_reply(**json.loads(request))).encode()  # which, unlike others, takes names that are no UTF-8


def _reply(home: str, patterns: list[str]) -> dict[str, Any]:
    try:
        return {"name": build(IndexFolder(Path(home)), tuple(patterns), _alive)}
    except BuildError as error:
        return {"failed": str(error), "traceback": ""}
    except Exception as error:  # noqa: BLE001 - whatever a file may do to what reads it
        return {"failed": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()[-_MOST_TRACEBACK:]}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _alive(*_: object) -> None:
    """The kernel ends the process, also in the middle of a long calculation, where this is not called again in time."""
    signal.setitimer(signal.ITIMER_REAL, STALL_SECONDS)
