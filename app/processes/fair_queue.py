"""Places that owners get in turn."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from gevent.event import Event


class FairQueue:
    """So many `places`, of which one owner holds at most `most_each`, in as many greenlets. Those who wait get a place
    one owner after the other, so that an owner with many waiting greenlets delays nobody but itself."""

    def __init__(self, places: int, most_each: int) -> None:
        self._free, self._most_each = places, most_each
        self._held: Counter[str] = Counter()  # by owner; who holds none is left out
        self._waiting: dict[str, deque[Event]] = {}  # by owner; the owner who is next comes first

    @contextmanager
    def turn(self, owner: str) -> Iterator[None]:
        """Wait for a place, and hold it for the block."""
        if self._free and self._held[owner] < self._most_each:  # then nobody waits who could have it
            self._take(owner)
        else:
            self._wait(owner)
        try:
            yield
        finally:
            self._release(owner)

    def _take(self, owner: str) -> None:
        self._free -= 1
        self._held[owner] += 1

    def _wait(self, owner: str) -> None:
        called = Event()
        queue = self._waiting.setdefault(owner, deque())
        queue.append(called)
        try:
            called.wait()
        except BaseException:
            if called.is_set():
                self._release(owner)
            else:
                queue.remove(called)
                if not queue:
                    del self._waiting[owner]
            raise

    def _release(self, owner: str) -> None:
        """Give the place back, and at once to who is next: it is theirs before they have woken up."""
        self._free += 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        following = next((each for each in self._waiting if self._held[each] < self._most_each), None)
        if following is not None:
            queue = self._waiting.pop(following)
            self._take(following)
            queue.popleft().set()
            if queue:
                self._waiting[following] = queue
