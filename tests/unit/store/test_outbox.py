"""What is written down for webhooks: a row for each that wants the event, and nothing for others."""

import json

import pytest
from sqlalchemy import Connection
from support.database import rows

from app.store.database import Database
from app.store.outbox import Outbox, Subscription, payload_of

DESK = Subscription("desk", {"conversation.started", "feedback.negative"})
SHOP = Subscription("shop", {"conversation.started"}, {"shop"})


def test_each_webhook_that_wants_the_event_of_this_agent_has_a_row(database) -> None:
    outbox = Outbox([DESK, SHOP])
    told = [("conversation.started", "shop"), ("conversation.started", "demo"), ("feedback.negative", "shop")]
    for event, agent in [*told, ("budget.exhausted", "shop")]:
        add(database, outbox, event, [agent])
    assert sorted(rows(database, "SELECT webhook, event FROM deliveries")) == [
        ("desk", "conversation.started"),
        ("desk", "conversation.started"),
        ("desk", "feedback.negative"),
        ("shop", "conversation.started"),
    ]
    assert outbox.wants("feedback.negative")
    assert not outbox.wants("budget.exhausted")


def test_without_webhooks_nothing_is_wanted_and_nothing_written(database) -> None:
    outbox = Outbox()
    assert not outbox.wants("conversation.started")
    add(database, outbox, "conversation.started", ["demo"])
    assert rows(database, "SELECT * FROM deliveries") == []


def test_what_is_told_once_has_one_row_for_each_webhook(database) -> None:
    outbox = Outbox([DESK, Subscription("other", DESK.events)])
    for once in ("a", "a", "b"):
        add(database, outbox, "feedback.negative", ["demo"], once=once)
    assert len(rows(database, "SELECT id FROM deliveries WHERE webhook = 'desk'")) == 2
    assert len(rows(database, "SELECT id FROM deliveries")) == 4


def test_it_goes_with_the_transaction(database) -> None:
    def work(connection: Connection) -> None:
        Outbox([DESK]).add(connection, "feedback.negative", ["demo"], {})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(work)
    assert rows(database, "SELECT * FROM deliveries") == []


def test_a_payload_says_what_and_when_in_ascii() -> None:
    payload = payload_of("webhook.test", 1_796_083_200_123, {"question": "é\ud800"})
    assert payload.isascii()
    assert json.loads(payload) == {
        "type": "webhook.test",
        "timestamp": "2026-12-01T00:00:00.123Z",
        "data": {"question": "é\ud800"},
    }


def add(database: Database, outbox: Outbox, event: str, agents: list[str], **options: str) -> None:
    database.write(lambda connection: outbox.add(connection, event, agents, {}, **options))
