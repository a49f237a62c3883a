"""A bound on the lines of log that callers can cause without end; who floods must not fill the disk."""

from collections.abc import Callable
from time import monotonic

import gevent

LINES_PER_SECOND = 20


class LineCap:
    """Of one kind of line the first LINES_PER_SECOND in each second (monotonic clock). `tell` is called with the number
    of those that were left out when their second is over, unless the worker ends before."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._second = self._written = self._left_out = 0

    def admit(self) -> bool:
        """Whether this line is to be written."""
        now = monotonic()
        if self._second != int(now):
            self._second, self._written = int(now), 0
        if self._written < LINES_PER_SECOND:
            self._written += 1
            return True
        if not self._left_out:
            gevent.spawn_later(self._second + 1 - now, self._close)
        self._left_out += 1
        return False

    def _close(self) -> None:
        left_out, self._left_out = self._left_out, 0
        self._tell(left_out)
