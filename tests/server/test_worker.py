"""What is no HTTP, or asks for what there is not, is refused in few words, in the response and in the log."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
import requests

from app.testing.responses import parse
from app.testing.server import ROOT, Server, allow_open_files, eventually, random_address
from app.testing.sockets import connect, read_all

LONG = b"x" * 30_000
REQUESTS = {
    "an unknown expectation": (b"POST /chat HTTP/1.1\r\nHost: x\r\nExpect: 200-maybe\r\n\r\n", 417),
    "a long expectation": (b"POST /chat HTTP/1.1\r\nHost: x\r\nExpect: " + b'"' * 30_000 + b"\r\n\r\n", 417),
    "raw UTF-8 in the request line": ("GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 400),
    "a long request line that is none": (b"<" * 4000 + b"\r\n\r\n", 400),
    "a request line without end": (b"GET /" + LONG, 414),
    "a long name of a header": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"<" * 30_000 + b": 1\r\n\r\n", 400),
    "a header too long": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + LONG + LONG + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431),
    "lines that are none, without end": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a\r\n" * 20_000 + b"\r\n", 431),
    "cookies that take long to read": (
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"Cookie: " + b"a=b; " * 8200 + b"\r\n\r\n",
        431,
    ),
    "an unknown coding": (b"POST /chat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + LONG + b"\r\n\r\n", 501),
}


@pytest.fixture(scope="module")
def probed(tmp_path_factory) -> Iterator[Server]:
    """It tells for how long its loop was held."""
    env = {"PYTHONPATH": str(ROOT / "tests")}
    with Server(tmp_path_factory.mktemp("probed"), wsgi="support.loop_probe:app", env=env) as running:
        yield running


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_no_http_is_refused_as_json_and_not_repeated(server, name) -> None:
    sent, status = REQUESTS[name]
    before = len(server.log_text())
    with connect(server) as connection:
        connection.sendall(sent)
        response = parse(read_all(connection))
    assert response.status_code == status
    assert response.headers["Connection"] == "close"
    assert set(response.json()) == {"error"}
    assert len(response.content) < 100
    logged = server.log_text()[before:]
    assert logged.count("no HTTP from 127.0.0.1: ") == 1
    assert len(logged) < 500


@pytest.mark.parametrize("request_line", ["GET /health", "GET /nothing", "OPTIONS /api/chat"])
def test_who_sends_many_requests_ahead_does_not_hold_the_loop_for_all_of_them(probed, request_line) -> None:
    requests.get(f"{probed.url}/probe", timeout=5)
    one = f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with connect(probed) as connection:
        connection.sendall(one * 299 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(connection).count(b"HTTP/1.1 ") == 300
    held = requests.get(f"{probed.url}/probe", timeout=5).json()
    assert max((milliseconds for milliseconds, _ in held), default=0) < 50


def test_an_address_has_half_of_the_connections_and_the_rest_is_for_others(tmp_path) -> None:
    changes = {"streams = 500": "streams = 1"}  # and so 2,003 connections
    with allow_open_files(4096), Server(tmp_path, changes=changes) as server, ExitStack() as stack:
        here, there = random_address(), random_address()

        def ask(address: str) -> bytes:
            connection = socket.create_connection(("127.0.0.1", server.port), 10, source_address=(address, 0))
            stack.enter_context(connection)
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            with suppress(ConnectionResetError):
                return connection.recv(12)
            return b""

        for _ in range(1001):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10, source_address=(here, 0)))
        assert ask(here) == b""
        assert ask(there) == b"HTTP/1.1 200"
        stack.close()
        eventually(lambda: ask(here) == b"HTTP/1.1 200", 10)


def test_an_access_log_of_gunicorns_says_of_a_stream_what_is_asked_of_it(tmp_path) -> None:
    said = "%(r)s by %(a)s for %({accept-language}i)s %({wsgi.url_scheme}e)s"
    flags = f"--access-logfile - --access-logformat '{said}'"
    with Server(tmp_path, env={"GUNICORN_CMD_ARGS": flags}) as running:
        headers = {"x-api-key": running.key("widget"), "User-Agent": "Somebody", "Accept-Language": "la"}
        body = {"message": "hi", "sessionId": "s"}
        assert requests.post(f"{running.url}/chat", json=body, headers=headers, timeout=10).status_code == 200
        eventually(lambda: "POST /chat HTTP/1.1 by Somebody for la http" in running.log_text())
