"""One request on a connection of its own, for callers who expect to be cut off: what came until then counts."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from app.testing.sockets import request


class Response(NamedTuple):
    """`status` is 0 before the head has come whole. `body` is what came of it, of a chunked one whole chunks; `whole`
    says that it came to its end."""

    status: int
    body: bytes
    whole: bool


@asynccontextmanager
async def exchange(
    port: int, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any]
) -> AsyncIterator[AsyncIterator[bytes]]:
    """The pieces of the response as they come, until the server closes, resets, or is killed."""
    loop = asyncio.get_running_loop()
    data = request(path, json.dumps(body).encode(), {**headers, "Connection": "close"}, method=method)
    with socket.socket() as connection:
        connection.setblocking(False)

        async def pieces() -> AsyncIterator[bytes]:
            with suppress(ConnectionError):
                while piece := await loop.sock_recv(connection, 65536):
                    yield piece

        await loop.sock_connect(connection, ("127.0.0.1", port))
        with suppress(ConnectionError):
            await loop.sock_sendall(connection, data)
        yield pieces()


def parsed(data: bytes) -> Response:
    """What the bytes that came so far say."""
    top, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        return Response(0, b"", whole=False)
    status, fields = int(top[9:12]), top.lower()
    if b"transfer-encoding: chunked" in fields:
        return Response(status, *_chunks(rest))
    length = int(fields.partition(b"content-length: ")[2].split(b"\r\n")[0])
    return Response(status, rest, len(rest) == length)


def _chunks(rest: bytes) -> tuple[bytes, bool]:
    body = b""
    while True:
        size, line, after = rest.partition(b"\r\n")
        if not line or len(after) < int(size, 16) + 2:
            return body, False
        if not int(size, 16):
            return body, True
        body, rest = body + after[: int(size, 16)], after[int(size, 16) + 2 :]
