"""A lock that owners get in turn."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from gevent.event import Event


class FairQueue:
    """Held by one greenlet at a time. Those who wait get it one owner after the other, so that an owner with many
    waiting greenlets delays nobody but itself."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: dict[str, deque[Event]] = {}  # by owner; the owner who is next comes first

    @contextmanager
    def turn(self, owner: str) -> Iterator[None]:
        """Wait for the lock, and hold it for the block."""
        if self._held:
            self._wait(owner)
        self._held = True
        try:
            yield
        finally:
            self._release()

    def _wait(self, owner: str) -> None:
        called = Event()
        queue = self._waiting.setdefault(owner, deque())
        queue.append(called)
        try:
            called.wait()
        except BaseException:
            if called.is_set():
                self._release()
            else:
                queue.remove(called)
                if not queue:
                    del self._waiting[owner]
            raise

    def _release(self) -> None:
        """Hand the lock to who is next; it stays held until they have woken up."""
        self._held = bool(self._waiting)
        if self._waiting:
            owner, queue = next(iter(self._waiting.items()))
            del self._waiting[owner]
            queue.popleft().set()
            if queue:
                self._waiting[owner] = queue
