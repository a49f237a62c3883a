"""An HTTP request and its response, of which a bounded part is read; as a tool's result, what a model may get."""

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from io import BufferedReader, RawIOBase
from typing import Any

import orjson

from app.engine.messages import is_too_deep
from app.tools.http_request.hosts import Target

MOST_BODY_BYTES = 24_576  # that are read of a body
MOST_RECEIVED_BYTES = 131_072  # in all: headers, body and the framing of its chunks
MOST_BODY_IN_RESULT = 30_000  # bytes of the body as JSON in the result
MOST_CONTENT_TYPE = 200  # characters


class ResponseTooLarge(HTTPException):
    """The server has sent more than MOST_RECEIVED_BYTES."""


class _BoundedInput(RawIOBase):
    """The first MOST_RECEIVED_BYTES of a connection's input. Reading on raises ResponseTooLarge."""

    def __init__(self, raw: RawIOBase) -> None:
        self._raw = raw
        self._left = MOST_RECEIVED_BYTES
        self.may_end = False  # a head that is cut off would pass for one that is complete

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not self._left:
            raise ResponseTooLarge
        count = self._raw.readinto(memoryview(buffer)[: self._left])
        if not count and not self.may_end:
            raise IncompleteRead(b"")
        self._left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class BoundedResponse(HTTPResponse):
    """Raises ResponseTooLarge when more than MOST_RECEIVED_BYTES would be read."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._input = _BoundedInput(self.fp.detach())
        self.fp = BufferedReader(self._input)

    def begin(self) -> None:
        super().begin()
        self._input.may_end = True


def exchange(
    connection: Any, target: Target, method: str, headers: Mapping[str, str], body: bytes | None
) -> HTTPResponse:
    """Send one request over the connection, which ends with it; returns a BoundedResponse, to be closed.

    Raises HTTPException where there is no whole head, and OSError."""
    http = HTTPConnection(target.host, target.port)
    http.default_port = 443 if target.tls else 80  # what the Host header leaves out
    http.auto_open = 0  # it has its socket, and never opens another
    http.sock = connection
    http.response_class = BoundedResponse
    http.request(method, target.path, body, {**headers, "Connection": "close"})
    return http.getresponse()


def to_result(response: HTTPResponse) -> dict[str, Any]:
    """Read the response into {"status", "contentType", "body", "truncated"}; "body" is a JSON value or text.

    Raises HTTPException where it breaks off, is compressed or has too large a head, and OSError.
    """
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise HTTPException("compressed, which was not asked for")
    data, truncated = _read(response)
    body = None if truncated else _json(response, data)
    if body is None:
        body, cut = _text(response, data)
        truncated |= cut
    return {
        "status": response.status,
        "contentType": response.headers.get("Content-Type", "")[:MOST_CONTENT_TYPE],
        "body": body,
        "truncated": truncated,
    }


def _read(response: HTTPResponse) -> tuple[bytes, bool]:
    """The body's first MOST_BODY_BYTES, and whether there is more. Raises HTTPException where the body breaks off."""
    data = b""
    try:
        while len(data) <= MOST_BODY_BYTES and (piece := response.read1(MOST_BODY_BYTES + 1 - len(data))):
            data += piece
    except ResponseTooLarge:
        return data, True
    if len(data) > MOST_BODY_BYTES:
        return data[:MOST_BODY_BYTES], True
    if response.length:
        raise IncompleteRead(data)
    return data, False


def _json(response: HTTPResponse, data: bytes) -> Any:
    """The body's value if it is JSON that fits into a result, otherwise None. `null` is None too, and becomes text."""
    kind = response.headers.get_content_type()
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return None if is_too_deep(value) or len(orjson.dumps(value)) > MOST_BODY_IN_RESULT else value


def _text(response: HTTPResponse, data: bytes) -> tuple[str, bool]:
    """As much of the body's text as fits into a result, and whether it was cut: JSON escapes make a text longer."""
    western = response.headers.get_content_charset() in ("iso-8859-1", "windows-1252", "us-ascii")
    text = data.decode("cp1252" if western else "utf-8", "replace")
    cut = False
    while len(orjson.dumps(text)) > MOST_BODY_IN_RESULT:
        text, cut = text[: len(text) * 7 // 8], True
    return text, cut
