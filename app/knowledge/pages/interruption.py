"""Ctrl-C, noticed for certain: Python throws away an exception that is raised while an object is being destroyed, and
KeyboardInterrupt is raised wherever the program happens to be."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Yields a function that raises KeyboardInterrupt where SIGINT has come in the block, whatever became of the
    exception that was raised then. To be used in the main thread; in others it never raises."""
    before = signal.getsignal(signal.SIGINT)
    seen = False

    def on_signal(number: int, frame: Any) -> None:
        nonlocal seen
        seen = True
        assert callable(before)
        before(number, frame)

    def check() -> None:
        if seen:
            raise KeyboardInterrupt

    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield check
        return
    signal.signal(signal.SIGINT, on_signal)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
