"""Headers in which a caller claims to be another, or to ask for something else: believed of trusted hops alone."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import requests
from support.users import AUTH, PASSWORD, address

from app.testing.responses import parse
from app.testing.server import GUNICORN, ROOT, Server, eventually
from app.testing.sockets import connect, read_all

STRANGER, NEAREST = "203.0.113.9", "198.51.100.7"
CLAIMS = (
    *("SCRIPT_NAME: /api/auth", "PATH_INFO: /health", "REMOTE_ADDR: 203.0.113.9", "X_Forwarded_For: 203.0.113.9"),
    *("X-Forwarded-Proto: https", "X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: on", "X-Forwarded-Port: 443"),
    *("X-Forwarded-Host: evil.example", "X-Forwarded-Prefix: /api/auth", "X-Real-IP: 203.0.113.9"),
    *("X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9;proto=https;host=evil.example"),
)


@dataclass
class Way:
    """How a server is reached, and what it knows by itself of who asks."""

    server: Server
    connect: Callable[[], socket.socket]
    address: str

    def ask(self, method: str, path: str, *headers: str, body: Any = None) -> requests.Response:
        data = b"" if body is None else orjson.dumps(body)
        lines = [f"{method} {path} HTTP/1.1", "Host: own.example", "Connection: close", *headers]
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        with self.connect() as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + data)
            return parse(read_all(connection))

    def sign_up(self, *headers: str) -> requests.Response:
        return self.ask("POST", f"{AUTH}/sign-up/email", *headers, body={"email": address(), "password": PASSWORD})

    def left_of_budget(self, *headers: str) -> int:
        return int(self.ask("GET", f"{AUTH}/session", *headers).headers["X-RateLimit-Remaining"])

    def logged(self, response: requests.Response) -> dict[str, Any]:
        own = response.headers["x-request-id"]
        return dict(eventually(lambda: [line for line in self.server.log("request") if line["request_id"] == own])[0])


def tcp(server: Server) -> Way:
    """From this machine, which gunicorn would trust."""
    return Way(server, lambda: connect(server), "127.0.0.1")


@pytest.fixture(scope="module")
def unix(tmp_path_factory) -> Iterator[Way]:
    """A server at a Unix socket, in an environment that would have gunicorn trust everybody."""
    server = Server(tmp_path_factory.mktemp("unix"), env={"FORWARDED_ALLOW_IPS": "*"})
    path = str(server.home / "socket")

    def connect_to_path() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        return connection

    def answers() -> bool:
        with suppress(OSError), connect_to_path():
            return True
        return False

    server.make_database()
    with (
        (server.home / "log").open("ab") as log,
        subprocess.Popen(
            [*GUNICORN, "-b", f"unix:{path}"], cwd=ROOT, env=server.env, stdout=log, stderr=subprocess.STDOUT
        ) as running,
    ):
        try:
            eventually(answers, 60)
            yield Way(server, connect_to_path, "")
        finally:
            running.terminate()
            running.wait(30)
            server.close()


@pytest.fixture(params=["TCP", "a Unix socket"])
def direct(request, server) -> Way:
    """No hop is trusted."""
    return tcp(server) if request.param == "TCP" else request.getfixturevalue("unix")


@pytest.fixture(scope="module")
def behind(tmp_path_factory) -> Iterator[Way]:
    """One hop is trusted."""
    with Server(tmp_path_factory.mktemp("behind"), env={"PARLANCE_TRUSTED_HOPS": "1"}) as running:
        yield tcp(running)


def test_no_header_changes_the_path_or_the_address(direct) -> None:
    refused = direct.ask("GET", f"{AUTH}/session", *CLAIMS)
    assert (refused.status_code, refused.json()["message"]) == (401, "Valid session required")
    line = direct.logged(refused)
    assert (line["path"], line["status"], line["address"] or "") == (f"{AUTH}/session", 401, direct.address)


def test_no_header_makes_a_connection_secure(direct) -> None:
    made = direct.sign_up(*CLAIMS)
    assert made.status_code == 200
    assert "Secure" not in made.headers["Set-Cookie"]


def test_no_header_makes_a_foreign_page_an_own_one(direct) -> None:
    assert direct.sign_up(*CLAIMS, "Origin: https://evil.example").status_code == 403
    assert direct.sign_up(*CLAIMS, "Origin: https://own.example").status_code == 200


def test_no_header_opens_a_new_budget(direct) -> None:
    left = [direct.left_of_budget(f"X-Forwarded-For: 203.0.113.{number}") for number in range(3)]
    assert left == [left[0], left[0] - 1, left[0] - 2]


def test_of_more_values_than_hops_the_nearest_ones_count(behind) -> None:
    address_of = behind.logged(behind.ask("GET", "/health", f"X-Forwarded-For: {STRANGER}, {NEAREST}"))["address"]
    assert address_of == NEAREST
    twice = behind.ask("GET", "/health", f"X-Forwarded-For: {STRANGER}", f"X-Forwarded-For: {NEAREST}")
    assert behind.logged(twice)["address"] == NEAREST
    assert "Secure" in behind.sign_up("X-Forwarded-Proto: http, https").headers["Set-Cookie"]
    assert "Secure" not in behind.sign_up("X-Forwarded-Proto: https, http").headers["Set-Cookie"]


def test_a_trusted_hop_says_neither_path_nor_host(behind) -> None:
    refused = behind.ask("GET", f"{AUTH}/session", *CLAIMS)
    line = behind.logged(refused)
    assert (refused.status_code, line["path"], line["address"]) == (401, f"{AUTH}/session", STRANGER)
    assert behind.sign_up(*CLAIMS, "Origin: https://evil.example").status_code == 403


@pytest.mark.parametrize(
    ("several", "address"),
    [
        (("198.51.100.8:4711", "198.51.100.8:4712", "198.51.100.8", "::ffff:198.51.100.8"), "198.51.100.8"),
        (("[2001:db8::1]:4711", "[2001:DB8::1]", "2001:db8:0::1", "[2001:db8::1]:4712"), "2001:db8::1"),
        (("[fe80::1%25eth0]:443", "fe80::1%eth0", "FE80::1"), "fe80::1"),
    ],
)
def test_an_address_is_one_caller_however_a_proxy_writes_it(behind, several, address) -> None:
    left = [behind.left_of_budget(f"X-Forwarded-For: {each}") for each in several]
    assert left == [left[0] - index for index in range(len(several))]
    for each in several:
        assert behind.logged(behind.ask("GET", "/health", f"X-Forwarded-For: {each}"))["address"] == address
    signed_in = {"email": address_of_nobody(), "password": PASSWORD}
    statuses = [
        behind.ask("POST", f"{AUTH}/sign-in/email", f"X-Forwarded-For: {several[count % len(several)]}", body=signed_in)
        for count in range(31)
    ]
    assert statuses[-1].status_code == 429, "thirty attempts a minute from one address"


@pytest.mark.parametrize(
    "claimed", ["unknown", "_hidden", "unix:", "[::1", "1.2.3.4.5", "x" * 500, "203.0.113.7:x", ""]
)
def test_what_is_no_address_is_the_connections(behind, claimed) -> None:
    asked = behind.ask("GET", "/health", f"X-Forwarded-For: {claimed}")
    assert behind.logged(asked)["address"] == behind.address


def address_of_nobody() -> str:
    return f"nobody-{os.urandom(4).hex()}@example.com"


@pytest.mark.parametrize("begun", ['"', '"a, ', 'for="', '"\\', "a,,", ", ,"])
def test_nothing_that_a_caller_begins_hides_what_the_proxy_adds(behind, begun) -> None:
    asked = behind.ask("GET", "/health", f"X-Forwarded-For: {begun}, {NEAREST}")
    assert behind.logged(asked)["address"] == NEAREST
    assert "Secure" in behind.sign_up(f"X-Forwarded-Proto: {begun}, HTTPS").headers["Set-Cookie"]
