"""Budgets of keys that refuse a question, of which webhooks are told."""

from contextlib import suppress

from sqlalchemy import bindparam, select

from app.engine.errors import StoreError
from app.store.database import Database
from app.store.happenings import budget_exhausted
from app.store.outbox import Outbox
from app.store.tables import keys

_CREDITS = select(keys.c.credits).where(keys.c.id == bindparam("account"))


class RefusedBudgets:
    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database, self._outbox = database, outbox
        self._told: dict[str, int | None] = {}  # of each key the budget; operators make the keys, so it has an end

    def tell(self, account: str) -> None:
        """The key's budget has refused. In a transaction of its own: that of the question is rolled back. A key may be
        asked with again and again, so what was told is not written again."""
        if not self._outbox.wants("budget.exhausted"):
            return
        with suppress(StoreError):  # the next refusal tells
            values = {"account": account}
            budget = self._database.read(lambda connection: connection.execute(_CREDITS, values).scalar())
            if account in self._told and self._told[account] == budget:
                return
            self._database.write(lambda connection: budget_exhausted(self._outbox, connection, account, refused=True))
            self._told[account] = budget
