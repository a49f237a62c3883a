"""Limits on attempts to sign in, for each address and each account, so that no password is found by trying; and on new
accounts, so that nobody multiplies what an account may take."""

import math
from time import monotonic

from limits import RateLimitItem, parse
from limits.strategies import MovingWindowRateLimiter

from app.engine.errors import ChatError, Problem
from app.web.callers.shared_windows import SharedWindowStorage
from app.web.callers.windows import WindowStorage

PER_ADDRESS = parse("30/minute")
PER_ACCOUNT = parse("20/15 minutes")
NEW_PER_ADDRESS = parse("10/day")


class SignInLimits:
    """Moving windows in `storage`: `PER_ADDRESS`, `PER_ACCOUNT` and `NEW_PER_ADDRESS`."""

    def __init__(self, storage: WindowStorage | SharedWindowStorage) -> None:
        self._storage = storage
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

    def count_new(self, address: str) -> None:
        """Count an account that is made from the address. Raises ChatError(LIMITED) where there have been too many."""
        self._count(NEW_PER_ADDRESS, f"new:{address}")

    def forgive_new(self, address: str) -> None:
        """Take back the latest, which was not made."""
        self._storage.give_back(NEW_PER_ADDRESS.key_for(f"new:{address}"), NEW_PER_ADDRESS.get_expiry())

    def _count(self, limit: RateLimitItem, name: str) -> None:
        if not self._windows.hit(limit, name):
            wait = math.ceil(self._windows.get_window_stats(limit, name).reset_time - monotonic())
            raise ChatError(Problem.LIMITED, retry_after=max(wait, 1))


def _account(email: str) -> str:
    return email.strip().lower()
