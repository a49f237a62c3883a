"""The receiving half of HTTP/1.1 (RFC 9112), without a socket: bytes in, bytes out.

It costs a third of what Python's http.client does for each token, which reads a stream through three layers.
"""

from collections.abc import Mapping
from typing import Protocol

MOST_HEAD_BYTES = 65_536
MOST_LENGTH_DIGITS = 18
MOST_CHUNK_LINE_BYTES = 1_024
BURST_BYTES = 2_048  # from here on, splitting all chunks at once is faster than one after another


class ProtocolError(Exception):
    """The server broke off, or what it sent is not HTTP. `payload` is what came before the fault."""

    payload = b""


def parse_head(data: bytes) -> tuple[int, Mapping[str, str], bytes] | None:
    """Status, headers (names in lower case) and what is left of `data`; None while the head is incomplete.

    Interim responses (1xx) are skipped. Raises ProtocolError.
    """
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
    """Name in lower case -> value; the values of several with one name are joined (RFC 9110, section 5.3)."""
    headers: dict[str, str] = {}
    for field in fields.decode("latin-1").split("\r\n"):
        name, colon, value = field.partition(":")
        if colon:
            name = name.lower()
            headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return headers


class Body(Protocol):
    """The framing of a response's body: `feed` takes what was received and returns the payload in it.

    `complete`: the response has ended. `surplus`: more came after its end, so that the connection cannot be used again.
    `between_chunks`: the next byte is the first of a chunk of chunked transfer coding.
    """

    complete: bool
    surplus: bool

    @property
    def between_chunks(self) -> bool: ...

    def feed(self, data: bytes) -> bytes:
        """The payload in `data`, which is b"" where the connection has ended. Raises ProtocolError."""
        ...


def body_of(headers: Mapping[str, str], status: int = 200) -> Body:
    """The framing that the response's head announces (RFC 9112, section 6.3). Raises ProtocolError."""
    if status in (204, 304):
        return SizedBody(0)
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return ChunkedBody()
    length = headers.get("content-length")
    if length is None:
        return EndlessBody()
    if not length.isdecimal() or len(length) > MOST_LENGTH_DIGITS:
        raise ProtocolError("malformed Content-Length")
    return SizedBody(int(length))


class SizedBody:
    """As many bytes as Content-Length says."""

    between_chunks = False

    def __init__(self, length: int) -> None:
        self._missing = length
        self.complete = length == 0
        self.surplus = False

    def feed(self, data: bytes) -> bytes:
        if not data and not self.complete:
            raise ProtocolError("the response was cut")
        payload = data[: self._missing]
        self.surplus = len(data) > len(payload)
        self._missing -= len(payload)
        self.complete = self._missing == 0
        return payload


class EndlessBody:
    """Everything until the connection ends."""

    complete = False
    surplus = False
    between_chunks = False

    def feed(self, data: bytes) -> bytes:
        self.complete = not data
        return data


class ChunkedBody:
    """Chunks, each after a line with its size (section 7.1). `_missing` counts the bytes that the present chunk still
    lacks, its closing CRLF included."""

    def __init__(self) -> None:
        self.complete = False
        self.surplus = False
        self._missing = 0
        self._line = b""  # an incomplete size line, or line of the trailer
        self._trailer = False

    @property
    def between_chunks(self) -> bool:
        return not (self._missing or self._line or self._trailer or self.complete)

    def feed(self, data: bytes) -> bytes:
        if not data and not self.complete:
            raise ProtocolError("the response was cut")
        if self._line:
            data, self._line = self._line + data, b""
        payload: list[bytes] = []
        try:
            self._take(data, payload)
        except ProtocolError as error:
            error.payload = b"".join(payload)
            raise
        return payload[0] if len(payload) == 1 else b"".join(payload)

    def _take(self, data: bytes, payload: list[bytes]) -> None:
        at, length = 0, len(data)
        if self._missing:
            at = self._take_missing(data, 0, payload)
        if length - at > BURST_BYTES and not self._trailer:
            at += _take_whole(data[at:], payload)
        while at < length and not self.complete:
            end = data.find(b"\r\n", at)
            if end < 0:
                self._line = data[at:]
                if len(self._line) > MOST_CHUNK_LINE_BYTES:
                    raise ProtocolError("endless chunk line")
                return
            line, at = data[at:end], end + 2
            if self._trailer:
                self.complete = not line
                self.surplus = self.complete and at < length
                continue
            size = _chunk_size(line)
            stop = at + size
            if stop + 2 <= length and size and data[stop : stop + 2] == b"\r\n":  # nearly always: a token
                payload.append(data[at:stop])
                at = stop + 2
                continue
            self._trailer = size == 0
            self._missing = size + 2 if size else 0
            at = self._take_missing(data, at, payload)

    def _take_missing(self, data: bytes, at: int, payload: list[bytes]) -> int:
        """Take what has come of the present chunk; returns the index in `data` behind it."""
        inside = max(self._missing - 2, 0)
        taken = data[at : at + self._missing]
        payload.append(taken[:inside])
        if not b"\r\n"[2 - (self._missing - inside) :].startswith(taken[inside:]):
            raise ProtocolError("a chunk is longer than it says")
        self._missing -= len(taken)
        return at + len(taken)


def _take_whole(data: bytes, payload: list[bytes]) -> int:
    """Take all whole chunks at once; returns the index in `data` behind them.

    Takes none, and returns 0, where one contains a line end or is the last of the body.
    """
    lines = data.split(b"\r\n")
    whole = (len(lines) - 1) // 2
    sizes, chunks = lines[0 : 2 * whole : 2], lines[1 : 2 * whole : 2]
    if not b"".join(sizes).isalnum() or b"" in chunks:
        return 0
    try:
        if [int(size, 16) for size in sizes] != [len(chunk) for chunk in chunks]:
            return 0
    except ValueError:
        return 0
    payload += chunks
    return len(data) - len(b"\r\n".join(lines[2 * whole :]))


def _chunk_size(line: bytes) -> int:
    digits = line if line.isalnum() else line.partition(b";")[0].rstrip()
    try:
        if digits.isalnum():
            return int(digits, 16)
    except ValueError:
        pass
    raise ProtocolError("malformed chunk size")
