"""Responses as they come over a socket, taken apart, and a check that a test did the server no harm."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from app.testing.server import Server


def chunks(response: bytes) -> list[bytes]:
    """The chunks of a response, without the empty last one. Fails where it is not chunked, or not whole."""
    head, _, rest = response.partition(b"\r\n\r\n")
    assert re.search(rb"(?i)\r\ntransfer-encoding: chunked", head), head
    pieces = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        pieces.append(rest[:length])
        rest = rest[length + 2 :]
    assert pieces.pop() == b"", "the last chunk is the empty one"
    return pieces


def parse(raw: bytes) -> requests.Response:
    """A response that is not chunked."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    response = requests.Response()
    response.status_code = int(first.split()[1])
    for line in lines:
        name, _, value = line.partition(": ")
        response.headers[name] = value
    response._content = body  # noqa: SLF001 - there is no other way to make one
    return response


@contextmanager
def unharmed(server: Server) -> Iterator[None]:
    """Fails where the server does not answer within a second afterwards, or has logged an error meanwhile."""
    before = len(server.log_text())
    yield
    assert requests.get(f"{server.url}/health", timeout=1).json() == {"status": "ok"}
    assert not re.search(r'Traceback|"level": ?"(ERROR|CRITICAL)"', server.log_text()[before:])
