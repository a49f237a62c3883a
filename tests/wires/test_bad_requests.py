"""Keys that are none, methods and paths that do not exist, and callers who send half a request or no HTTP at all."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.wires import every_wire

from app.testing.caller import Caller
from app.testing.responses import parse, unharmed
from app.testing.server import Server, script
from app.testing.sockets import connect, read_all
from app.testing.wire_client import CREDENTIAL_KINDS

KEYS = {
    "a wrong key": b"sk_wrong-but-long-enough-to-be-a-key-of-this-house",
    "20,000 characters": b"k" * 20_000,
    "Latin-1": b"cl\xe9",
    "UTF-8": "ключ".encode(),
    "bytes that are no text": b"\xff\xfe\x80",
    "only white space": b"  \t ",
    "no key": b"",
    "a quotation mark and SQL": b"' OR 1=1 --",
    "a lone Bearer": b"Bearer",
}

METHODS = {"HEAD", "GET", "PUT", "DELETE", "PATCH"}


@pytest.fixture
def caller(wire, server, key_of) -> Caller:
    return Caller(wire, server, key_of[wire.key_kind])


@pytest.fixture(autouse=True)
def _unharmed(server) -> Iterator[None]:
    with unharmed(server):
        yield


@pytest.fixture(scope="module")
def revoked(server: Server) -> dict[str, str]:
    """A key of each kind that no longer works."""
    keys = {kind: server.key(kind) for kind in CREDENTIAL_KINDS}
    for line in server.flask("keys", "list").stdout.splitlines()[-2:]:
        server.flask("keys", "revoke", line.split("\t")[0])
    headers = {"Cookie": f"parlance_session={keys['session']}"}
    assert requests.post(f"{server.url}/api/auth/sign-out", json={}, headers=headers, timeout=5).ok
    return keys


@every_wire
@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_is_none_is_401_by_whatever_header_it_comes(caller, name) -> None:
    for header, pattern in caller.wire.credentials:
        value = pattern.encode().replace(b"{}", KEYS[name])
        with connect(caller.server) as connection:
            head = f"POST {caller.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n{header}: "
            connection.sendall(head.encode() + value + b"\r\n\r\n{}")
            caller.wire.check_error(parse(read_all(connection)), 401)


@every_wire
def test_a_revoked_key_and_a_key_of_another_kind_are_401(caller, key_of, revoked) -> None:
    kind = caller.wire.key_kind
    others = [] if caller.wire.any_key else [key_of[other] for other in CREDENTIAL_KINDS if other != kind]
    for key in [*others, revoked[kind]]:
        caller.wire.check_error(caller.ask("hi", caller.wire.headers(key)), 401)


@every_wire
def test_another_method_is_405_and_told_which_are_allowed(caller) -> None:
    headers = caller.wire.headers(caller.key)
    for method in METHODS - set(caller.wire.methods.split(", ")):
        response = requests.request(method, caller.server.url + caller.path, headers=headers, json={}, timeout=5)
        assert response.headers["Allow"] == caller.wire.methods
        if method == "HEAD":
            assert (response.status_code, response.content) == (405, b"")
        else:
            caller.wire.check_error(response, 405)


@every_wire
def test_options_is_204_without_a_key_and_without_a_body(caller) -> None:
    response = requests.options(caller.server.url + caller.path, timeout=5)
    assert (response.status_code, response.content) == (204, b"")


BELOW = [f"{{0}}/nothing/{name}" for name in ("x", "%00", "%ff", "x" * 3000)]  # some have paths directly below
OTHER_PATHS = ["{0}/", "/{0}", "//{0}", "{0}//", "{0}/../..", *BELOW]


@every_wire
@pytest.mark.parametrize("pattern", OTHER_PATHS)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_path_below_or_beside_is_404_in_the_wires_shape(caller, pattern, method) -> None:
    doubled = caller.path.replace("/", "//")
    for path in pattern.format(caller.path), pattern.format(doubled):
        with connect(caller.server) as connection:
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
            connection.sendall(head.encode())
            caller.wire.check_error(parse(read_all(connection)), 404)


@every_wire
@pytest.mark.parametrize("end", ["%00", "%ff", "%0a", "%20", "%2f", "%3f", ";x", "%E2%80%A8", "."])
def test_a_path_with_something_odd_at_its_end_is_404(caller, end) -> None:
    path = f"{caller.path}{end}"
    with connect(caller.server) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()
        )
        response = parse(read_all(connection))
    assert response.status_code == 404
    assert "Not found" in response.text


@every_wire
def test_a_path_with_encoded_letters_is_the_same_path(caller) -> None:
    path = re.sub("/(.)", lambda match: f"/%{ord(match[1]):x}", caller.path)
    headers = caller.wire.headers(caller.key)
    body = caller.body(script({"text": "x"}))
    with requests.Session() as plain:
        request = requests.Request("POST", caller.server.url, headers=headers, json=body).prepare()
        request.url = caller.server.url + path
        assert caller.wire.decode(plain.send(request, timeout=5).content).text == "x"


@every_wire
@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: -1"],
        ["Content-Length: 1x"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked, chunked"],
        ["Transfer-Encoding: x"],
        ["no colon"],
        ["bad name : x"],
    ],
    ids=str,
)
def test_what_is_no_http_is_refused_and_the_connection_closed(caller, headers) -> None:
    with connect(caller.server) as connection:
        lines = [f"POST {caller.path} HTTP/1.1", "Host: x", "Content-Type: application/json", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode() + b"0\r\n\r\n")
        response = parse(read_all(connection, 5))
    assert response.status_code in (400, 501)
    assert "Traceback" not in response.text


@every_wire
def test_a_thousand_half_sent_requests_do_not_keep_others_waiting(caller) -> None:
    half = [connect(caller.server) for _ in range(1000)]
    try:
        for index, connection in enumerate(half):
            connection.sendall(f"POST {caller.path} HTTP/1.1\r\nHost: x\r\n".encode() * (index % 2))
        started = time.monotonic()
        assert caller.ask(script({"text": "x"})).status_code == caller.wire.status
        assert time.monotonic() - started < 4, "half a second is usual; each of them has five for its headers"
    finally:
        for connection in half:
            connection.close()


@every_wire
def test_an_endless_body_behind_a_refusal_is_cut_off_and_holds_up_nobody(caller) -> None:
    key = next(f"{name}: {value}" for name, value in caller.wire.headers(caller.key).items())
    wrong = next(f"{name}: {value}" for name, value in caller.wire.headers("wrong").items())
    refused = [
        (f"POST {caller.path}", wrong),
        (f"POST {caller.path}/x", key),
        (f"PUT {caller.path}", key),
    ]
    refused += [(f"POST {caller.path}", f"Content-Type: text/plain\r\n{key}")]
    give_up = time.monotonic() + 6

    def pour(sent: tuple[str, str]) -> bool:
        """Whether the server hung up while more was being sent."""
        with connect(caller.server) as connection:
            connection.sendall(
                f"{sent[0]} HTTP/1.1\r\nHost: x\r\n{sent[1]}\r\nContent-Length: {10**12}\r\n\r\n".encode()
            )
            try:
                while time.monotonic() < give_up:
                    connection.send(b" " * 4_000_000)
            except OSError:
                return True
        return False

    with ThreadPoolExecutor(len(refused)) as pool:
        poured = [pool.submit(pour, sent) for sent in refused]
        while not all(each.done() for each in poured):
            assert requests.get(f"{caller.server.url}/health", timeout=1).ok
    assert [each.result() for each in poured] == [True] * len(refused)
