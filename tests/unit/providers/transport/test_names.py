"""What was found of a name is remembered, and used where its name server is slow or fails."""

import time
from collections.abc import Callable
from socket import AF_INET, gaierror
from typing import Any
from urllib.parse import urlsplit

import gevent
import pytest

from app.engine.exchange import Exchange
from app.providers.transport.connections import Connections
from app.providers.transport.names import GOOD_SECONDS, PATIENCE_SECONDS, RETRY_SECONDS, Names


class NameServer:
    """Answers with the next of `answers`, the last of them for ever; `seconds` later."""

    def __init__(self, *answers: str | OSError, seconds: float = 0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.asked = 0

    def __call__(self, _host: str, port: int, **_options: Any) -> Any:
        self.asked += 1
        gevent.sleep(self.seconds)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [(AF_INET, 1, 6, "", (answer, port))]


NOBODY = gaierror(-3, "Temporary failure in name resolution")


@pytest.fixture
def passed(monkeypatch) -> Callable[[float], None]:
    """Lets so many seconds pass since the test began."""
    real = time.monotonic
    return lambda seconds: monkeypatch.setattr(time, "monotonic", lambda: real() + seconds)


def found(names: Names, seconds: float = 5) -> str:
    ((family, (address, port)),) = names.addresses("model.test", 443, seconds)
    assert (family, port) == (AF_INET, 443)
    return str(address)


def test_a_name_is_looked_up_once_a_minute_however_many_ask(passed) -> None:
    server = NameServer("192.0.2.1", "192.0.2.2", seconds=0.05)
    names = Names(server)
    asking = [gevent.spawn(found, names) for _ in range(50)]
    assert {greenlet.get(timeout=5) for greenlet in asking} == {"192.0.2.1"}
    passed(GOOD_SECONDS - 1)
    assert (found(names), server.asked) == ("192.0.2.1", 1)
    passed(GOOD_SECONDS + 1)
    assert (found(names), server.asked) == ("192.0.2.2", 2)


def test_while_a_name_server_is_stuck_the_last_answer_is_used(passed) -> None:
    server = NameServer("192.0.2.1")
    names = Names(server)
    found(names)
    server.seconds = 60
    passed(GOOD_SECONDS + 1)
    taken = []
    for _ in range(3):
        asked = time.monotonic()
        assert found(names) == "192.0.2.1"
        taken.append(time.monotonic() - asked)
    assert PATIENCE_SECONDS <= taken[0] < PATIENCE_SECONDS + 0.5
    assert max(taken[1:]) < 0.1, "one has waited for all"
    assert server.asked == 2


def test_where_a_look_up_fails_the_last_answer_is_used(passed) -> None:
    server = NameServer("192.0.2.1", NOBODY, "192.0.2.2")
    names = Names(server)
    found(names)
    passed(GOOD_SECONDS + 1)
    assert [found(names) for _ in range(3)] == ["192.0.2.1"] * 3
    assert server.asked == 2, "not for each request again"
    passed(GOOD_SECONDS + RETRY_SECONDS + 2)
    assert found(names) == "192.0.2.2"


def test_a_name_that_was_never_found_is_looked_up_each_time() -> None:
    server = NameServer(NOBODY, NOBODY, "192.0.2.1")
    names = Names(server)
    for _ in range(2):
        with pytest.raises(gaierror):
            found(names)
    assert found(names) == "192.0.2.1"


def test_the_first_answer_is_waited_for_no_longer_than_the_caller_says() -> None:
    names = Names(NameServer("192.0.2.1", seconds=60))
    asked = time.monotonic()
    with pytest.raises(TimeoutError):
        found(names, 0.2)
    assert time.monotonic() - asked < 0.5


def test_where_nobody_answers_at_an_address_the_name_is_looked_up_again(upstream) -> None:
    server = NameServer("127.0.0.9", "127.0.0.1")
    url = urlsplit(f"http://model.test:{upstream.port}/v1")
    connections = Connections(url, None, 5, Names(server))
    with pytest.raises(ConnectionRefusedError):
        connections.take(Exchange())
    connection, used = connections.take(Exchange())
    connection.close()
    assert (used, server.asked) == (False, 2)
