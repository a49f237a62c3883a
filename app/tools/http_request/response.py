"""An HTTP response of which no more is read than a model may be told."""

from http.client import HTTPException, HTTPResponse, IncompleteRead
from io import BufferedReader, RawIOBase
from typing import Any

import orjson

from app.engine.messages import is_too_deep

MOST_BODY = 24_576  # bytes that are read of it
MOST_READ = 131_072  # bytes in all: headers, body and the framing of its chunks
MOST_TOLD = 30_000  # bytes of the body as it stands in the result
MOST_CONTENT_TYPE = 200  # characters


class TooMuch(HTTPException):
    """More has come than is read."""


class _Bounded(RawIOBase):
    """What comes on a connection, up to `MOST_READ` bytes."""

    def __init__(self, raw: RawIOBase) -> None:
        self._raw = raw
        self._left = MOST_READ
        self.may_end = False  # a head that is cut off would pass for one that is complete

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not self._left:
            raise TooMuch
        count = self._raw.readinto(memoryview(buffer)[: self._left])
        if not count and not self.may_end:
            raise IncompleteRead(b"")
        self._left -= count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class BoundedResponse(HTTPResponse):
    """Raises TooMuch when more would be read."""

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._bounded = _Bounded(self.fp.detach())
        self.fp = BufferedReader(self._bounded)

    def begin(self) -> None:
        super().begin()
        self._bounded.may_end = True


def told(response: HTTPResponse) -> dict[str, Any]:
    """{"status", "contentType", "body", "truncated"}. Raises HTTPException, OSError."""
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise HTTPException("compressed, which was not asked for")
    data, truncated = _read(response)
    value = None if truncated else _json(response, data)
    if value is None:
        value, cut = _text(response, data)
        truncated |= cut
    return {
        "status": response.status,
        "contentType": response.headers.get("Content-Type", "")[:MOST_CONTENT_TYPE],
        "body": value,
        "truncated": truncated,
    }


def _read(response: HTTPResponse) -> tuple[bytes, bool]:
    """The body, and whether there is more of it. Raises HTTPException where it breaks off."""
    data = b""
    try:
        while len(data) <= MOST_BODY and (piece := response.read1(MOST_BODY + 1 - len(data))):
            data += piece
    except TooMuch:
        return data, True
    if len(data) > MOST_BODY:
        return data[:MOST_BODY], True
    if response.length:
        raise IncompleteRead(data)
    return data, False


def _json(response: HTTPResponse, data: bytes) -> Any:
    """The body's value where it is JSON, and not larger or deeper than can be told; `null` may as well be text."""
    kind = response.headers.get_content_type()
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return None if is_too_deep(value) or len(orjson.dumps(value)) > MOST_TOLD else value


def _text(response: HTTPResponse, data: bytes) -> tuple[str, bool]:
    """As much as may be told, and whether that is less: quotation marks and control characters grow in JSON."""
    western = response.headers.get_content_charset() in ("iso-8859-1", "windows-1252", "us-ascii")
    text = data.decode("cp1252" if western else "utf-8", "replace")
    cut = False
    while len(orjson.dumps(text)) > MOST_TOLD:
        text, cut = text[: len(text) * 7 // 8], True
    return text, cut
