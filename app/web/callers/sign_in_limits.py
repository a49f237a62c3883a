"""Few attempts for each address and each account: passwords are not to be found by trying."""

import math
import time

from limits import RateLimitItem, parse
from limits.strategies import MovingWindowRateLimiter

from app.engine.errors import ChatError, Problem
from app.web.callers.windows import WindowStorage

PER_ADDRESS = parse("30/minute")
PER_ACCOUNT = parse("20/15 minutes")


class SignInLimits:
    """Counts in this worker's memory."""

    def __init__(self) -> None:
        self._storage = WindowStorage()
        self._windows = MovingWindowRateLimiter(self._storage)

    def count_address(self, address: str) -> None:
        """Raises ChatError(LIMITED) where there have been too many."""
        self._count(PER_ADDRESS, address)

    def count_account(self, email: str) -> None:
        """Raises ChatError(LIMITED) where there have been too many."""
        self._count(PER_ACCOUNT, _account(email))

    def forgive_account(self, email: str) -> None:
        """The latest attempt was a success, which counts no more. It had to be counted before it was known as one, for
        others may be under way."""
        self._storage.give_back(PER_ACCOUNT.key_for(_account(email)), PER_ACCOUNT.get_expiry())

    def _count(self, limit: RateLimitItem, name: str) -> None:
        if not self._windows.hit(limit, name):
            wait = math.ceil(self._windows.get_window_stats(limit, name).reset_time - time.time())
            raise ChatError(Problem.LIMITED, retry_after=max(wait, 1))


def _account(email: str) -> str:
    return email.strip().lower()
