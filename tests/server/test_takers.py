"""How many answers run at once for one caller, over keys and addresses."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from support.visitors import id_of, signed

from app.testing.server import Server, eventually, new_session_id, random_address, script
from app.testing.sockets import read_until, request
from app.testing.takers_suite import running

LONG = script({"text": "x"}, {"pause": 60})
CHANGES = {
    "streams = 500": "streams = 8",
    "streams_per_caller = 250": "streams_per_caller = 2",
    "streams_per_key = 250": "streams_per_key = 3",
}

Ask = Callable[..., int]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("takers"), changes=CHANGES) as running_server:
        yield running_server


@pytest.fixture
def ask(server) -> Iterator[Ask]:
    """Asks from an address and returns the status; those that are answered stay open until the test ends."""
    eventually(lambda: running(server) == 0)
    with ExitStack() as stack:

        def one(address: str, key: str = "", path: str = "/api/chat", visitor: str = "") -> int:
            body = {"prompt": LONG} if path == "/api/chat" else {"sessionId": new_session_id(), "message": LONG}
            connection = socket.create_connection(("127.0.0.1", server.port), 10, source_address=(address, 0))
            stack.enter_context(connection)
            headers = {"x-api-key": key} if key else {}
            headers |= {"x-visitor": visitor} if visitor else {}
            connection.sendall(request(path, json.dumps(body).encode(), headers))
            return int(read_until(connection, b"\r\n").split()[1])

        yield one


def test_the_anonymous_have_two_each_and_half_of_all_together(server, ask) -> None:
    here, there, elsewhere = random_address(), random_address(), random_address()
    assert [ask(here) for _ in range(3)] == [200, 200, 429]
    assert [ask(there) for _ in range(3)] == [200, 200, 429]
    assert ask(elsewhere) == 503, "the other half is kept for those with a key"
    assert ask(elsewhere, server.key("secret")) == 200


def test_a_widget_key_has_two_at_each_address_and_three_at_all(server, ask) -> None:
    key, other = server.key("widget"), server.key("widget")
    here, there = random_address(), random_address()
    assert [ask(here, key, "/chat") for _ in range(3)] == [200, 200, 429]
    assert [ask(there, key, "/chat") for _ in range(2)] == [200, 429]
    assert ask(there, other, "/chat") == 200


def test_visitors_for_whom_a_site_vouches_have_two_each_wherever_they_are(server, ask) -> None:
    key = server.key("widget")
    secret = server.flask("keys", "visitor-secret", id_of(server, key)).stdout.strip()
    ann, bob, here, there = signed(secret, "ann"), signed(secret, "bob"), random_address(), random_address()
    assert [ask(here, key, "/chat", ann), ask(there, key, "/chat", ann), ask(there, key, "/chat", ann)] == [
        200,
        200,
        429,
    ]
    assert ask(here, key, "/chat", bob) == 200


def test_a_secret_key_has_three_wherever_it_is_used(server, ask) -> None:
    key = server.key("secret")
    assert [ask(random_address(), key) for _ in range(4)] == [200, 200, 200, 429]
    assert ask(random_address(), server.key("secret")) == 200


def test_a_wrong_key_takes_no_place(server, ask) -> None:
    address = random_address()
    assert [ask(address, "wrong") for _ in range(4)] == [401] * 4
    assert running(server) == 0
    assert ask(address) == 200
