"""One timer for the heartbeats and timeouts of all reads from model servers in a worker.

A timer for each read would be started and stopped with every token. This one fires every TICK_SECONDS, looks at all
responses that are being read and wakes those that have been silent for too long. So timeouts are up to TICK_SECONDS
late, and a token costs two assignments.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any

from gevent import get_hub, getcurrent

TICK_SECONDS = 0.1  # monotonic clock


class Watch:
    """The timing of one response, which one greenlet reads at a time.

    While a read waits, `overdue(silent, age)` is called every tick with the seconds since `since` (monotonic; the last
    progress) and since the start; an exception that it returns is raised in the read. The reader sets `waiting` just
    around what may be interrupted so.
    """

    __slots__ = ("_overdue", "_started", "greenlet", "since", "waiting")

    def __init__(self, overdue: Callable[[float, float], BaseException | None]) -> None:
        self.waiting = False
        self.since = self._started = monotonic()
        self.greenlet: Any = getcurrent()
        self._overdue = overdue

    def interrupt(self, error: BaseException) -> None:
        """Raise the error in the read that waits, if one does. May be called from any greenlet."""
        get_hub().loop.run_callback(self.throw, error)

    def throw(self, error: BaseException) -> None:
        """The same, for callbacks of the event loop only: no greenlet runs between the check and the throw."""
        if self.waiting:
            self.waiting = False
            self.greenlet.throw(error)

    def check(self, now: float) -> None:
        """Raise in the waiting read what is overdue at this monotonic time."""
        error = self._overdue(now - self.since, now - self._started) if self.waiting else None
        if error is not None:
            self.throw(error)


class Ticker:
    """Checks its watches every tick; without watches it runs no timer."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._timer: Any = None

    def add(self, watch: Watch) -> None:
        """Check this watch from now on."""
        self._watches.add(watch)
        if self._timer is None:
            self._timer = get_hub().loop.timer(TICK_SECONDS, TICK_SECONDS, ref=False)
            self._timer.start(self._tick)

    def remove(self, watch: Watch) -> None:
        """Check it no more; nothing happens where it is not checked."""
        self._watches.discard(watch)
        if self._timer is not None and not self._watches:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _tick(self) -> None:
        now = monotonic()
        for watch in tuple(self._watches):
            watch.check(now)
