"""Budgets of keys that refuse a question, of which webhooks are told."""

from contextlib import suppress
from time import monotonic

from app.engine.errors import StoreError
from app.store.database import Database
from app.store.happenings import budget_exhausted
from app.store.outbox import Outbox

PAUSE_SECONDS = 60.0  # in which one key is looked at once: it may be asked with again and again


class RefusedBudgets:
    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database, self._outbox = database, outbox
        self._told: dict[str, float] = {}  # when, by the monotonic clock; operators make the keys, so it has an end

    def tell(self, account: str) -> None:
        """The key's budget has refused. In a transaction of its own: that of the question is rolled back."""
        last = self._told.get(account)
        if not self._outbox.wants("budget.exhausted") or (last and monotonic() - last < PAUSE_SECONDS):
            return
        with suppress(StoreError):  # the next refusal tells
            self._database.write(lambda connection: budget_exhausted(self._outbox, connection, account, refused=True))
            self._told[account] = monotonic()
