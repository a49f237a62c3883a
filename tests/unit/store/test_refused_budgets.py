"""A key whose budget refuses again and again is told of once, and once more with another budget."""

import json

from support.database import rows

from app.store.keys import KeyStore
from app.store.outbox import Outbox, Subscription
from app.store.refused_budgets import RefusedBudgets

OUTBOX = Outbox([Subscription("desk", {"budget.exhausted"})])


def test_a_refusal_is_told_of_and_nothing_is_then_written(database) -> None:
    KeyStore(database).create("secret", "demo", budget=3)
    ((key,),) = rows(database, "SELECT id FROM keys")
    refused = RefusedBudgets(database, OUTBOX)
    for _ in range(3):
        refused.tell(key)
        assert rows(database, "SELECT event FROM deliveries") == [("budget.exhausted",)]
    database.write(lambda connection: connection.exec_driver_sql("DELETE FROM deliveries"))
    refused.tell(key)
    assert rows(database, "SELECT event FROM deliveries") == [], "it was told"


def test_another_budget_that_refuses_is_told_of_at_once(database) -> None:
    KeyStore(database).create("secret", "demo", budget=3)
    ((key,),) = rows(database, "SELECT id FROM keys")
    refused = RefusedBudgets(database, OUTBOX)
    refused.tell(key)
    database.write(lambda connection: connection.exec_driver_sql("UPDATE keys SET credits = 2"))
    for _ in range(2):
        refused.tell(key)
    told = rows(database, "SELECT payload FROM deliveries")
    assert sorted(json.loads(payload)["data"]["credits"] for (payload,) in told) == [2, 3]


def test_nothing_is_asked_where_nobody_wants_to_know(database) -> None:
    refused = RefusedBudgets(database, Outbox())
    KeyStore(database).create("secret", "demo", budget=3)
    ((key,),) = rows(database, "SELECT id FROM keys")
    refused.tell(key)
    assert rows(database, "SELECT event FROM deliveries") == []
