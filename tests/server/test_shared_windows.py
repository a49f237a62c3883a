"""Limits of two servers that share a Redis: exact while it works, each server's own while it does not."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import cycle
from threading import Event
from typing import Any

import pytest
import requests
from support.proxy import Proxy, dribble, freeze, halve, lie, pass_on, proxy, reset
from support.source_addresses import FromAddress
from support.wires import Workers

from app.testing.responses import parse
from app.testing.server import Server, eventually, random_address, script
from app.testing.sockets import read_all, request

LIMIT = {'workers = "100000/minute"': 'workers = "30/minute"'}
NO_QUESTION = request("/api/chat", b"{}", {"Connection": "close"})
TEXT = script({"text": "one "}, {"text": "two "}, {"text": "three"})
PAGE = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nhello"
OF_NO_USE = "Redis is of no use: this worker counts alone"


@pytest.fixture(scope="module")
def way(running_redis) -> Iterator[Proxy]:
    with proxy(running_redis.port) as laid:
        yield laid


@pytest.fixture(scope="module")
def servers(way, tmp_path_factory) -> Iterator[list[Server]]:
    """Two, of one installation: they have its secret."""
    with ExitStack() as stack:
        made = []
        for name in ("one", "other"):
            home = tmp_path_factory.mktemp(name)
            (home / "instance").mkdir(mode=0o700)
            (home / "instance" / "secret_key").write_text("s" * 64)
            env = {"REDIS_URL": f"redis://127.0.0.1:{way.port}/0"}
            made.append(stack.enter_context(Server(home, changes=LIMIT, env=env)))
        yield made


@pytest.fixture
def ask(servers, way, redis) -> Iterator[Callable[[int], list[int]]]:  # noqa: ARG001 - is emptied
    """So many requests at once, which count and ask no model, of one address, to one server and the other by turns.
    Returns the statuses. No threads: they would keep the way to Redis, which is of this process too, from its work."""
    way.answer = pass_on
    for server in servers:
        eventually(lambda server=server: ready(server) == "ok", 40)
    address = random_address()

    def send(server: Server, connection: socket.socket) -> None:
        connection.settimeout(60)
        connection.bind((address, 0))
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(NO_QUESTION)

    def together(number: int) -> list[int]:
        with ExitStack() as stack:
            asked = [stack.enter_context(socket.socket()) for _ in range(number)]
            for server, connection in zip(cycle(servers), asked, strict=False):
                send(server, connection)
            return [parse(read_all(each, 60)).status_code for each in asked]

    return together


def ready(server: Server) -> Any:
    answer = requests.get(f"{server.url}/ready", timeout=10)
    assert answer.status_code == 200, "a Redis makes nothing unready"
    return answer.json()["checks"]["redis"]


def admitted(answers: list[int]) -> int:
    assert set(answers) <= {400, 429}
    return answers.count(400)


def test_of_a_hundred_at_once_at_two_servers_as_many_pass_as_the_limit_says(ask) -> None:
    assert admitted(ask(100)) == 30
    assert admitted(ask(10)) == 0


@pytest.mark.usefixtures("redis")
def test_what_is_left_is_told_of_both(servers) -> None:
    key, body = servers[0].key("secret"), {"message": TEXT}
    url = f"{servers[0].url}/api/v2/agents/open/chat"
    first = requests.post(url, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    second = requests.post(url, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in (first, second)]
    assert left[0] - left[1] == 1
    assert int(second.headers["X-RateLimit-Limit"]) - left[1] == 2


@pytest.mark.usefixtures("ask")
def test_a_question_takes_at_most_two_trips_and_a_token_none(servers, way) -> None:
    long, trips = script({"text": "word ", "times": 300}), []
    for text in (TEXT, TEXT, *[long] * 5):  # the first has the connection made; a busy machine may bring a trip more
        way.asked.clear()
        assert requests.post(f"{servers[0].url}/api/chat", json=Workers().body(text), timeout=30).status_code == 200
        eventually(lambda: len(way.asked) >= 2)  # the second when the answer was stored
        time.sleep(0.2)
        trips.append(len(way.asked))
    assert min(trips[2:]) == 2


@pytest.mark.parametrize("fault", ["frozen", "halved", "dribbled", "reset", "another server"])
def test_while_redis_is_of_no_use_each_server_counts_alone_and_says_so(ask, way, servers, fault) -> None:
    thawed = Event()
    told = [server.log_text().count(OF_NO_USE) for server in servers]
    faults = {"frozen": freeze(thawed), "halved": halve, "dribbled": dribble, "reset": reset}
    way.answer = faults.get(fault, lie(PAGE))
    began = time.monotonic()
    ask(1)
    assert time.monotonic() - began < 1, "a quarter of a second for Redis, and what a request takes"
    assert admitted(ask(100)) == 59
    for server in servers:
        assert ready(server).startswith("limits are counted by each worker alone: ")
    assert [server.log_text().count(OF_NO_USE) for server in servers] == [number + 1 for number in told]
    thawed.set()
    way.answer = pass_on
    for server in servers:
        eventually(lambda server=server: ready(server) == "ok", 20)
    assert admitted(ask(10)) == 0, "each has admitted as many as the limit says, whatever Redis knows"


def test_a_full_redis_counts_as_none(ask, redis, servers) -> None:
    redis.fill()
    assert admitted(ask(100)) == 60
    assert [ready(server) for server in servers] == [
        "limits are counted by each worker alone: full: it has no room under its maxmemory"
    ] * 2


def test_one_that_was_restarted_or_flushed_counts_anew_and_no_server_admits_more_than_the_limit(ask, redis) -> None:
    assert admitted(ask(20)) == 20
    redis.stop()
    redis.start()
    assert admitted(ask(100)) == 30
    redis.client.flushall()
    redis.client.script_flush()
    assert admitted(ask(100)) <= 10, "each server remembers its own"


@pytest.mark.usefixtures("ask")
def test_a_password_is_tried_at_two_servers_as_often_as_at_one(servers) -> None:
    tries = {"email": "nobody@example.com", "password": "wrong password"}
    place = requests.Session()
    answers = []
    for server in [server for server in servers for _ in range(11)]:
        place.mount("http://", FromAddress(random_address()))
        answers.append(place.post(f"{server.url}/api/auth/sign-in/email", json=tries, timeout=30).status_code)
    place.close()
    assert answers == [401] * 20 + [429] * 2
