"""The other end: what a process beside the worker's does, with a Python of its own and without gevent's patches.

It reads calls from standard input (four bytes say how long each is) and writes replies likewise. It ends with its
parent.
"""

import os
import signal
import threading
import time
from collections.abc import Callable

_WATCH_SECONDS = 1.0


def serve(parent: int, answer: Callable[[bytes], bytes]) -> None:
    """Answer calls until there are no more. `parent` is the parent's id, which one that has ended meanwhile could no
    longer be asked for."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    calls, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what is printed goes into the log
    while len(head := calls.read(4)) == 4:
        reply = answer(calls.read(int.from_bytes(head)))
        replies.write(len(reply).to_bytes(4) + reply)
        replies.flush()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # what was started from here and runs on


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.killpg(0, signal.SIGKILL)  # this process among them
