"""What a worker sends: to each webhook by itself, and what its log says of it."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import gevent
import pytest
from support.database import new_database, rows

from app.providers.circuit_breaker import CircuitBreaker
from app.store.database import Database
from app.store.outbox import Outbox
from app.store.webhook_events import EVENTS
from app.testing.model_server import SILENCE, Action, ModelServer, whole
from app.tools.http_request.hosts import parse_url
from app.webhooks.options import Webhook
from app.webhooks.sender import Sender, subscriptions

OK = whole(b"")
SECRET = b"correct horse battery staple"


@pytest.fixture
def database(tmp_path) -> Database:
    return new_database(tmp_path)


@pytest.fixture
def counted() -> list[tuple[str, str]]:
    """Webhooks, and what became of requests to them."""
    return []


@pytest.fixture
def serving(database, counted) -> Iterator[Callable[..., tuple[Outbox, list[ModelServer], Sender]]]:
    """Starts a sender for webhooks with these answers, and their receivers. A name is `w` and the receiver's port."""
    with ExitStack() as stack:

        def serve(*answers: list[Action], events: frozenset[str] = frozenset(EVENTS)) -> tuple:
            receivers = [stack.enter_context(ModelServer()) for _ in answers]
            for receiver, answer in zip(receivers, answers, strict=True):
                receiver.play(answer)
            webhooks = {
                f"w{receiver.port}": Webhook(parse_url(receiver.url), events, None, True, SECRET)
                for receiver in receivers
            }
            outbox = Outbox(subscriptions(webhooks))
            models = {"m": frozenset({"demo"})}
            sender = Sender(webhooks, database, outbox, lambda: "me", models, count=lambda *said: counted.append(said))
            stack.callback(gevent.killall, sender.start())
            return outbox, receivers, sender

        yield serve


def tell(database: Database, outbox: Outbox, number: int = 1) -> None:
    for count in range(number):
        database.write(lambda c, count=count: outbox.add(c, "feedback.negative", ["demo"], {"n": count}))


def until(check: Callable[[], object], seconds: float = 5) -> None:
    with gevent.Timeout(seconds):
        while not check():
            gevent.sleep(0.02)


def undelivered(database: Database, receiver: ModelServer) -> int:
    query = f"SELECT count(*) FROM deliveries WHERE delivered_at IS NULL AND webhook = 'w{receiver.port}'"
    return int(rows(database, query)[0][0])


def test_a_receiver_that_stalls_holds_up_nobody_else(database, serving) -> None:
    outbox, (stalls, takes), _ = serving([SILENCE], OK)
    tell(database, outbox, 9)
    until(lambda: not undelivered(database, takes))
    assert len(takes.requests) == 9
    assert len(stalls.requests) == 4, "so many at once"
    assert undelivered(database, stalls) == 9


def test_the_log_has_one_line_when_failing_begins_and_one_when_it_is_over(database, serving, caplog) -> None:
    caplog.set_level(logging.INFO, "app.webhooks")
    outbox, (receiver,), _ = serving(whole(b"", 500))
    tell(database, outbox, 5)
    until(lambda: rows(database, "SELECT count(*) FROM deliveries WHERE tried_at > 0") == [(5,)])
    receiver.play(OK)
    database.write(lambda connection: connection.exec_driver_sql("UPDATE deliveries SET next_at = 1"))
    until(lambda: not undelivered(database, receiver))
    ours = [each for each in caplog.records if getattr(each, "webhook", "") == f"w{receiver.port}"]
    assert [each.message for each in ours] == ["webhook fails", "webhook works again"]
    assert ours[0].error == "status 500"  # type: ignore[attr-defined]


def test_each_try_has_the_same_id_and_body(database, serving) -> None:
    outbox, (receiver,), _ = serving(whole(b"", 500))
    tell(database, outbox)
    until(lambda: rows(database, "SELECT count(*) FROM deliveries WHERE tried_at > 0") == [(1,)])
    database.write(lambda connection: connection.exec_driver_sql("UPDATE deliveries SET next_at = 1"))
    until(lambda: len(receiver.requests) == 2)
    first, second = receiver.requests
    assert first.data == second.data
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_what_becomes_of_each_request_is_counted(database, serving, counted) -> None:
    outbox, (receiver,), _ = serving([])
    receiver.play(whole(b"", 500), OK)
    tell(database, outbox)
    until(lambda: counted)
    database.write(lambda connection: connection.exec_driver_sql("UPDATE deliveries SET next_at = 1"))
    until(lambda: len(counted) == 2)
    assert counted == [(f"w{receiver.port}", "failed"), (f"w{receiver.port}", "delivered")]


def test_who_is_gone_is_not_asked_again(database, serving, counted) -> None:
    outbox, (receiver,), _ = serving(whole(b"", 410))
    tell(database, outbox)
    until(lambda: rows(database, "SELECT count(*) FROM deliveries WHERE failed_at > 0") == [(1,)])
    assert rows(database, "SELECT next_at, last_status, attempts FROM deliveries") == [(None, 410, 1)]
    assert counted == [(f"w{receiver.port}", "given_up")]


def test_a_circuit_that_opens_is_told_of_by_the_worker_itself(serving) -> None:
    _, (receiver,), sender = serving(OK)
    circuit = CircuitBreaker("m", 2, 30, sender.circuit_opened)
    for _ in range(3):
        circuit.failed()
    assert not receiver.requests, "who makes an answer does not wait for it"
    until(lambda: receiver.requests)
    told = json.loads(receiver.requests[0].data)
    assert told["type"] == "model.circuit_opened"
    assert told["data"] == {"model": "m", "agents": ["demo"], "seconds": 30}
    gevent.sleep(1.2)
    assert len(receiver.requests) == 1, "it has opened twice within ten minutes"


def test_a_circuit_that_nobody_wants_to_know_of_is_forgotten(database, serving) -> None:
    _, _, sender = serving(OK, events=frozenset({"feedback.negative"}))
    CircuitBreaker("m", 1, 30, sender.circuit_opened).failed()
    gevent.sleep(1.2)
    assert rows(database, "SELECT * FROM deliveries") == []
