"""Who is next, where one thing is used by one at a time."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from gevent.event import Event


class FairQueue:
    """Of those who wait, each owner has a turn, and then the next owner has: whoever waits many times holds up nobody
    but themselves."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: dict[str, deque[Event]] = {}  # the owner whose turn is next first

    @contextmanager
    def of(self, owner: str) -> Iterator[None]:
        """Wait for a turn, and have it."""
        if self._busy:
            self._wait(owner)
        self._busy = True
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self, owner: str) -> None:
        called = Event()
        queue = self._waiting.setdefault(owner, deque())
        queue.append(called)
        try:
            called.wait()
        except BaseException:
            if called.is_set():
                self._pass_on()
            else:
                queue.remove(called)
                if not queue:
                    del self._waiting[owner]
            raise

    def _pass_on(self) -> None:
        """To the first who waits; until they have heard of it, nobody else takes it."""
        self._busy = bool(self._waiting)
        if self._waiting:
            owner, queue = next(iter(self._waiting.items()))
            del self._waiting[owner]
            queue.popleft().set()
            if queue:
                self._waiting[owner] = queue
