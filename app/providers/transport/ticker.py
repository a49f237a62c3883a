"""One clock for all reads from upstream in a worker.

A timer for every read would be started and stopped with every token. Here the event loop looks at all streams ten
times a second and wakes only those that have been silent for too long; a stream that flows pays two assignments a
read for it.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any

from gevent import get_hub, getcurrent

TICK_SECONDS = 0.1


class Watch:
    """The timing of one stream, which one greenlet reads at a time.

    `overdue(silent, age)` is asked every tick, in seconds since the last progress and since the start; an exception
    that it returns is raised in the waiting read. `waiting` is true just around what may be interrupted.
    """

    __slots__ = ("_overdue", "_started", "greenlet", "since", "waiting")

    def __init__(self, overdue: Callable[[float, float], BaseException | None]) -> None:
        self.waiting = False
        self.since = self._started = monotonic()
        self.greenlet: Any = getcurrent()
        self._overdue = overdue

    def interrupt(self, error: BaseException) -> None:
        """Raise the error in the read that waits now, if one does. May be called from any greenlet."""
        get_hub().loop.run_callback(self.throw, error)

    def throw(self, error: BaseException) -> None:
        """For the event loop only: nothing can run there between the look and the throw."""
        if self.waiting:
            self.waiting = False
            self.greenlet.throw(error)

    def check(self, now: float) -> None:
        error = self._overdue(now - self.since, now - self._started) if self.waiting else None
        if error is not None:
            self.throw(error)


class Ticker:
    """Checks its watches every tick, while there are any."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._timer: Any = None

    def add(self, watch: Watch) -> None:
        self._watches.add(watch)
        if self._timer is None:
            self._timer = get_hub().loop.timer(TICK_SECONDS, TICK_SECONDS, ref=False)
            self._timer.start(self._tick)

    def remove(self, watch: Watch) -> None:
        self._watches.discard(watch)
        if self._timer is not None and not self._watches:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _tick(self) -> None:
        now = monotonic()
        for watch in tuple(self._watches):
            watch.check(now)
