"""Who sends a delivery, what becomes of it, and when it goes."""

import gevent
import pytest
from support.database import plan_of, rows

from app.store.database import Database
from app.store.deliveries import CLAIM_SECONDS, DeliveryState, DeliveryStore
from app.store.outbox import Outbox, Subscription
from app.store.tables import now

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture
def store(database) -> DeliveryStore:
    return DeliveryStore(database)


def fill(database: Database, number: int, webhook: str = "desk", event: str = "feedback.negative") -> None:
    outbox = Outbox([Subscription(webhook, {event})])
    for count in range(number):
        database.write(lambda connection, count=count: outbox.add(connection, event, ["demo"], {"n": count}))


def change(database: Database, assignments: str) -> None:
    database.write(lambda connection: connection.exec_driver_sql(f"UPDATE deliveries SET {assignments}"))


def test_what_is_claimed_is_nobody_elses_and_the_longest_due_comes_first(database, store) -> None:
    fill(database, 5)
    fill(database, 1, "other")
    first, second = store.claim("desk", "w1", 3), store.claim("desk", "w2", 3)
    assert [len(first), len(second), len(store.claim("desk", "w3", 3))] == [3, 2, 0]
    assert len({each.id for each in (*first, *second)}) == 5
    assert {each.attempt for each in first} == {1}


def test_several_workers_at_once_claim_each_delivery_once(database, store) -> None:
    fill(database, 40)
    stores = [store, DeliveryStore(Database(database.url))]
    claiming = [gevent.spawn(stores[number % 2].claim, "desk", f"w{number}", 4) for number in range(12)]
    gevent.joinall(claiming, timeout=30, raise_error=True)
    claimed = [each.id for one in claiming for each in one.value]
    while left := store.claim("desk", "last", 4):
        claimed += [each.id for each in left]
    assert len(claimed) == len(set(claimed)) == 40


def test_a_claim_of_a_dead_worker_is_taken_over_and_changes_nothing_any_more(database, store) -> None:
    fill(database, 1)
    (dead,) = store.claim("desk", "w1", 4)
    assert rows(database, "SELECT next_at - created_at FROM deliveries")[0][0] >= CLAIM_SECONDS * 1000
    change(database, "next_at = 1")
    (taken,) = store.claim("desk", "w2", 4)
    assert (taken.id, taken.payload, taken.attempt) == (dead.id, dead.payload, 2)
    store.failed(dead, "w1", "late", None, 5)
    store.delivered(dead, "w1", 200)
    assert rows(database, "SELECT worker, delivered_at, last_error FROM deliveries") == [("w2", None, None)]
    store.delivered(taken, "w2", 200)
    assert rows(database, "SELECT worker, next_at, last_status FROM deliveries") == [(None, None, 200)]


def test_a_failure_is_tried_again_when_its_pause_is_over_or_never(database, store) -> None:
    fill(database, 1)
    (claimed,) = store.claim("desk", "w", 4)
    before = now()
    store.failed(claimed, "w", "x" * 1000, 500, 5.5)
    ((next_at, status, error),) = rows(database, "SELECT next_at, last_status, last_error FROM deliveries")
    assert before + 5500 <= next_at <= now() + 5500
    assert (status, len(error)) == (500, 200)
    assert not store.claim("desk", "w", 4)
    change(database, "next_at = 1")
    (again,) = store.claim("desk", "w", 4)
    store.failed(again, "w", "gone", 410, None)
    assert not store.claim("desk", "w", 4)
    assert rows(database, "SELECT next_at, attempts FROM deliveries WHERE failed_at > 1") == [(None, 2)]


def test_what_was_given_up_or_waits_can_be_tried_again_from_the_start_but_not_what_is_being_sent(
    database, store
) -> None:
    fill(database, 4)
    given_up, waits, sent, done = store.claim("desk", "w", 4)
    store.failed(given_up, "w", "gone", 410, None)
    store.failed(waits, "w", "status 500", 500, 3600)
    store.delivered(done, "w", 200)
    assert store.retry("desk") == 2
    assert store.retry("other") == 0
    assert {(each.id, each.attempt) for each in store.claim("desk", "w", 9)} == {(given_up.id, 1), (waits.id, 1)}
    assert sent.id in {row[0] for row in rows(database, "SELECT id FROM deliveries WHERE worker = 'w'")}


def test_states_say_what_waits_and_since_when_a_webhook_fails(database, store) -> None:
    assert store.states() == []
    fill(database, 3)
    first, second, third = store.claim("desk", "w", 4)
    assert store.states() == [DeliveryState("desk", waiting=3)]
    store.failed(first, "w", "status 500", 500, 5)
    store.failed(second, "w", "gone", 410, None)
    (state,) = store.states()
    assert (state.waiting, state.failed, state.delivered_at, state.last_error) == (2, 1, None, "gone")
    assert state.failing_since
    gevent.sleep(0.002)
    store.delivered(third, "w", 200)
    (state,) = store.states()
    assert state.delivered_at
    assert state.failing_since is None, "something was taken since"


def test_old_ones_are_deleted_but_for_what_is_told_once(database, store) -> None:
    fill(database, 501)
    fill(database, 1, event="budget.exhausted")
    change(database, f"created_at = {now() - 7 * DAY + HOUR}, delivered_at = 1, next_at = NULL")
    store.delete_old()
    assert rows(database, "SELECT count(*) FROM deliveries") == [(502,)]
    change(database, f"created_at = {now() - 7 * DAY - HOUR}")
    store.delete_old()
    assert rows(database, "SELECT event FROM deliveries") == [("budget.exhausted",)]
    fill(database, 1)
    change(database, f"created_at = {now() - 29 * DAY}, delivered_at = NULL, failed_at = 1, next_at = NULL")
    store.delete_old()
    assert rows(database, "SELECT count(*) FROM deliveries") == [(2,)]
    change(database, f"created_at = {now() - 31 * DAY}")
    store.delete_old()
    assert rows(database, "SELECT event FROM deliveries") == [("budget.exhausted",)]


def test_looking_for_what_is_due_uses_an_index(database) -> None:
    plan = plan_of(database, "SELECT id FROM deliveries WHERE webhook = 'desk' AND next_at <= 5")
    assert "ix_deliveries_webhook_next_at" in plan
