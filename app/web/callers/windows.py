"""Where rate limits are counted: moving windows in the worker's memory, by the monotonic clock.

The library's own store in memory walks through every caller it knows within 10 ms of each request, and starts a
thread for that. With thousands of visitors this would be most of a request's work; here a request forgets at most
two callers that have gone.
"""

from collections import deque
from collections.abc import Callable
from time import monotonic

from limits.storage import MovingWindowSupport, Storage

STORAGE_URI = "windows://"
FORGOTTEN_PER_REQUEST = 2  # more than one comes with a request, so the memory shrinks


class WindowStorage(Storage, MovingWindowSupport):
    """Times of the requests that still count, the newest last, by the seconds for which they count and by key; the key
    that was used longest ago is first. All times are by `clock`, in seconds: to set the machine's clock frees nobody
    and locks nobody out."""

    STORAGE_SCHEME = ["windows"]  # noqa: RUF012 - the library's own declaration, by which it finds this class

    def __init__(
        self,
        uri: str | None = None,
        wrap_exceptions: bool = False,
        *,
        clock: Callable[[], float] = monotonic,
        **_options: str,
    ) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._clock = clock
        self._spans: dict[int, dict[str, deque[float]]] = {}

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = self._clock()
        windows = self._spans.setdefault(expiry, {})
        for span in self._spans:
            self._forget(span, now)
        hits = windows[key] = windows.pop(key, deque())
        while hits and hits[0] <= now - expiry:
            hits.popleft()
        if len(hits) + amount > limit:
            return False
        hits.extend([now] * amount)
        return True

    def give_back(self, key: str, expiry: int) -> None:
        """Count the latest request no more."""
        hits = self._spans.get(expiry, {}).get(key)
        if hits:
            hits.pop()

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest hit that counts was, by `clock`, and how many there are."""
        now = self._clock()
        counting = [hit for hit in self._spans.get(expiry, {}).get(key, ()) if hit > now - expiry]
        return (counting[0], len(counting)) if counting else (now, 0)

    def _forget(self, span: int, now: float) -> None:
        windows = self._spans[span]
        for _ in range(FORGOTTEN_PER_REQUEST):
            key = next(iter(windows), None)
            if key is None or (windows[key] and windows[key][-1] > now - span):
                return
            del windows[key]

    def clear(self, key: str) -> None:
        for windows in self._spans.values():
            windows.pop(key, None)

    def reset(self) -> int:
        count = sum(len(windows) for windows in self._spans.values())
        self._spans.clear()
        return count

    def check(self) -> bool:
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    # Fixed windows are not used here, and the library asks for no more of a moving one.

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("only moving windows are counted here")  # a fixed one would count nothing, silently

    def get(self, key: str) -> int:
        return sum(len(windows.get(key, ())) for windows in self._spans.values())

    def get_expiry(self, key: str) -> float:
        return max(
            (windows[key][0] + span for span, windows in self._spans.items() if windows.get(key)), default=self._clock()
        )
