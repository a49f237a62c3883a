"""Which hosts the server answers for, where the configuration says so."""

from collections.abc import Iterator

import pytest
import requests
from support.wires import every_wire

from app.testing.caller import Caller
from app.testing.responses import parse
from app.testing.server import Server
from app.testing.sockets import connect, read_all
from app.testing.wire_client import CREDENTIAL_KINDS, WireClient

HOSTS = "Chat.example.com, 127.0.0.1 [::1]"
MISDIRECTED = {"error": "This server does not answer for that host"}


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("named"), env={"PARLANCE_HOSTS": HOSTS}) as running:
        yield running


@pytest.fixture(scope="module")
def named_keys(named) -> dict[str, str]:
    return {kind: named.key(kind) for kind in CREDENTIAL_KINDS}


def get(server: Server, path: str, *headers: str, version: str = "HTTP/1.1") -> requests.Response:
    with connect(server) as connection:
        connection.sendall("\r\n".join([f"GET {path} {version}", "Connection: close", *headers, "", ""]).encode())
        return parse(read_all(connection))


@every_wire
def test_another_host_is_refused_on_every_wire_and_a_listed_one_is_answered(
    named, named_keys, wire: WireClient
) -> None:
    caller = Caller(wire, named, named_keys[wire.key_kind])
    for host in ("evil.example", "chat.example.com.evil.example", "x.chat.example.com", "chat.example.com:x", ""):
        wire.check_error(caller.ask("hi", {"Host": host}), 421)
        wire.check_error(caller.post({}, {"Host": host, **wire.headers("wrong")}), 421)
    for host in ("chat.example.com", "CHAT.example.COM:8443", "[::1]:8000", f"127.0.0.1:{named.port}"):
        assert caller.ask("hi", {"Host": host}).status_code == wire.status


def test_a_refused_request_tells_nothing_of_the_callers_budget(named, named_keys) -> None:
    session = f"Cookie: parlance_session={named_keys['session']}"

    def left(host: str) -> int:
        return int(get(named, "/api/auth/session", f"Host: {host}", session).headers["X-RateLimit-Remaining"])

    own = [left("chat.example.com") for _ in range(3)][-1]
    assert left("evil.example") > own, "nobody looked at the session: it's the address's, of which nothing is taken"


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/widget.js", "/nothing"])
def test_pages_are_for_listed_hosts_too(named, path) -> None:
    refused = get(named, path, "Host: evil.example")
    assert (refused.status_code, refused.json()) == (421, MISDIRECTED)
    assert get(named, path, "Host: chat.example.com").status_code == (404 if path == "/nothing" else 200)


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_balancers_ask_by_any_host(named, path) -> None:
    assert get(named, path, "Host: 10.1.2.3:8000").status_code == 200
    assert get(named, path, version="HTTP/1.0").status_code == 200


def test_no_host_is_none_of_them_and_two_are_a_mistake(named) -> None:
    assert get(named, "/docs", version="HTTP/1.0").status_code == 421
    assert get(named, "/docs", "Host: chat.example.com", "Host: evil.example").status_code == 400


def test_any_host_is_answered_where_none_is_listed(server) -> None:
    assert get(server, "/docs", "Host: evil.example").status_code == 200
