"""HTTP over sockets, for what HTTP clients hide: half-sent requests, callers who leave, callers who do not read."""

import http.client
import io
import socket
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from app.testing.server import Server


def connect(server: Server) -> socket.socket:
    """A connection on which no read or write may take longer than ten seconds."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def post(
    server: Server, path: str, body: bytes, headers: Mapping[str, str], version: str = "HTTP/1.1"
) -> socket.socket:
    """Send a whole request; the response is still to be read."""
    connection = connect(server)
    connection.sendall(request(path, body, headers, version))
    return connection


def request(
    path: str, body: bytes, headers: Mapping[str, str], version: str = "HTTP/1.1", method: str = "POST"
) -> bytes:
    """The bytes of a request with JSON."""
    lines = [
        f"{method} {path} {version}",
        "Host: test",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def read_until(connection: socket.socket, wanted: bytes, seconds: float = 10) -> bytes:
    """All bytes up to the read with which `wanted` is complete; no read may take longer than `seconds`."""
    connection.settimeout(seconds)
    got = b""
    while wanted not in got:
        piece = connection.recv(65536)
        assert piece, f"closed before {wanted!r}: {got!r}"
        got += piece
    return got


def read_all(connection: socket.socket, seconds: float = 10) -> bytes:
    """All bytes until the other side closes or resets, which it has to do within `seconds` altogether."""
    deadline = time.monotonic() + seconds
    got = b""
    while True:
        connection.settimeout(max(deadline - time.monotonic(), 0.01))
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return got
        if not piece:
            return got
        got += piece


def body_of(answer: bytes, status: int = 200) -> bytes:
    """The body of a whole response. Fails where its status is another, or where it was cut."""
    readable: Any = SimpleNamespace(makefile=lambda _mode: io.BytesIO(answer))
    response = http.client.HTTPResponse(readable)
    response.begin()
    assert response.status == status, answer
    return response.read()
