"""The child process's end, in an interpreter of its own without gevent's patches.

Requests come on standard input and replies go to standard output, each preceded by its length in bytes (four bytes,
big-endian). The process ends with its parent.
"""

import os
import signal
import threading
import time
from collections.abc import Callable

_WATCH_SECONDS = 1.0


def serve(parent: int, answer: Callable[[bytes], bytes]) -> None:
    """Answer requests until standard input ends, then terminate the process group.

    `parent` is the parent's process id; with another parent (it has ended, maybe before this process began) the group
    is killed. What `answer` prints goes to standard error.
    """
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # standard error, which is the server's log
    while len(head := requests.read(4)) == 4:
        reply = answer(requests.read(int.from_bytes(head)))
        replies.write(len(reply).to_bytes(4) + reply)
        replies.flush()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # the processes that `answer` has started


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.killpg(0, signal.SIGKILL)  # this process among them
