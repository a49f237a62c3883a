"""Where rate limits are counted by all workers together: in Redis, and in this worker's memory besides.

Each request counts in memory first, and Redis is asked only about what memory admits. So whatever happens to Redis, and
however often it comes and goes, no worker admits more than a limit says; with a Redis that works, all together do not.
"""

from time import monotonic
from typing import Any

from flask import g, has_request_context
from limits.storage import MovingWindowSupport, Storage

from app.cluster.client import RedisClient, UnavailableError
from app.cluster.windows import SharedWindows
from app.web.callers.windows import STORAGE_URI, WindowStorage

SHARED_STORAGE_URI = "windows+redis://"


class SharedWindowStorage(Storage, MovingWindowSupport):
    """Counts in `shared` and in `own`, and in `own` alone while Redis is of no use."""

    STORAGE_SCHEME = ["windows+redis"]  # noqa: RUF012 - the library's own declaration, by which it finds this class

    def __init__(
        self,
        uri: str | None = None,
        wrap_exceptions: bool = False,
        *,
        shared: SharedWindows,
        own: WindowStorage | None = None,
        **_options: str,
    ) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._shared, self._own = shared, own or WindowStorage()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        if not self._own.acquire_entry(key, limit, expiry, amount):
            return False
        try:
            window = self._shared.hit(key, limit, expiry, amount)
        except UnavailableError:
            return True
        self._answers()[key] = (monotonic() - window.age, window.hits)
        if not window.admitted:
            for _ in range(amount):
                self._own.give_back(key, expiry)
        return window.admitted

    def give_back(self, key: str, expiry: int) -> None:
        """Count the latest request no more."""
        self._own.give_back(key, expiry)
        self._answers().pop(key, None)
        try:
            self._shared.give_back(key)
        except UnavailableError:
            return

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest hit that counts was, by the monotonic clock, and how many there are. What this request was
        told when it was counted is not asked again."""
        if answer := self._answers().get(key):
            return answer
        own = self._own.get_moving_window(key, limit, expiry)
        if own[1] >= limit:  # which Redis was not asked about
            return own
        try:
            window = self._shared.look(key, limit, expiry)
        except UnavailableError:
            return own
        return monotonic() - window.age, window.hits

    def _answers(self) -> dict[str, tuple[float, int]]:
        """What Redis has answered to this request, by key."""
        if not has_request_context():
            return {}
        if "windows" not in g:
            g.windows = {}
        answers: dict[str, tuple[float, int]] = g.windows
        return answers

    def clear(self, key: str) -> None:
        self._own.clear(key)
        try:
            self._shared.clear(key)
        except UnavailableError:
            return

    def check(self) -> bool:
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    # Not used here: fixed windows, and the end of all windows of all workers.

    def reset(self) -> int:
        raise NotImplementedError("other workers' windows are not forgotten")

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("only moving windows are counted here")

    def get(self, key: str) -> int:
        raise NotImplementedError("only moving windows are counted here")

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError("only moving windows are counted here")


def storage_of(redis: RedisClient | None) -> tuple[str, dict[str, Any]]:
    """Where Flask-Limiter counts, and the options of that."""
    return (SHARED_STORAGE_URI, {"shared": SharedWindows(redis, "limits")}) if redis else (STORAGE_URI, {})


def make_windows(redis: RedisClient | None, kind: str) -> WindowStorage | SharedWindowStorage:
    """Windows of that kind: shared by all workers where there is a Redis."""
    return SharedWindowStorage(shared=SharedWindows(redis, kind)) if redis else WindowStorage()
