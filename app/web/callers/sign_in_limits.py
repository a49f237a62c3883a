"""Limits on attempts to sign in, for each address and each account, so that no password is found by trying."""

import math
import time

from limits import RateLimitItem, parse
from limits.strategies import MovingWindowRateLimiter

from app.engine.errors import ChatError, Problem
from app.web.callers.windows import WindowStorage

PER_ADDRESS = parse("30/minute")
PER_ACCOUNT = parse("20/15 minutes")


class SignInLimits:
    """Moving windows in this worker's memory: `PER_ADDRESS` and `PER_ACCOUNT`."""

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
        """Take back the latest attempt, which succeeded. It was counted before the password was compared, since others
        may be compared at the same time."""
        self._storage.give_back(PER_ACCOUNT.key_for(_account(email)), PER_ACCOUNT.get_expiry())

    def _count(self, limit: RateLimitItem, name: str) -> None:
        if not self._windows.hit(limit, name):
            wait = math.ceil(self._windows.get_window_stats(limit, name).reset_time - time.time())
            raise ChatError(Problem.LIMITED, retry_after=max(wait, 1))


def _account(email: str) -> str:
    return email.strip().lower()
