"""A key whose budget refuses again and again is looked at now and then."""

from support.database import rows

from app.store.keys import KeyStore
from app.store.outbox import Outbox, Subscription
from app.store.refused_budgets import RefusedBudgets

OUTBOX = Outbox([Subscription("desk", {"budget.exhausted"})])


def test_a_refusal_is_told_of_and_the_database_is_then_left_alone(database) -> None:
    KeyStore(database).create("secret", "demo", budget=3)
    ((key,),) = rows(database, "SELECT id FROM keys")
    refused = RefusedBudgets(database, OUTBOX)
    for _ in range(3):
        refused.tell(key)
        assert rows(database, "SELECT event FROM deliveries") == [("budget.exhausted",)]
    database.write(lambda connection: connection.exec_driver_sql("DELETE FROM deliveries"))
    refused.tell(key)
    assert rows(database, "SELECT event FROM deliveries") == [], "it was told within the minute"


def test_nothing_is_asked_where_nobody_wants_to_know(database) -> None:
    refused = RefusedBudgets(database, Outbox())
    KeyStore(database).create("secret", "demo", budget=3)
    ((key,),) = rows(database, "SELECT id FROM keys")
    refused.tell(key)
    assert rows(database, "SELECT event FROM deliveries") == []
