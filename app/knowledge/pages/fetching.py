"""Gets pages over HTTP: from checked addresses alone, at a polite pace, and bounded in size and time."""

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent import ssl

from app import VERSION
from app.knowledge.pages.urls import normalised, target
from app.providers.transport.http1 import MOST_HEAD_BYTES, ProtocolError, body_of, parse_head
from app.providers.transport.retry_after import retry_seconds
from app.tools.base import ToolError
from app.tools.http_request.connecting import Connector
from app.tools.http_request.hosts import Host, is_listed
from app.tools.http_request.lookups import LookUp, Lookups

AGENT = "Parlance"  # as robots.txt calls it
USER_AGENT = f"{AGENT}/{VERSION} (reads pages for the site's own chat)"
PAGE_SECONDS = 30.0  # for a request: name, connection, TLS and the whole body
CONNECT_SECONDS = 10.0
MOST_REDIRECTS = 5
MOST_PAGE_BYTES = 5_000_000  # of a body, received and unpacked
MOST_DOCUMENT_BYTES = 20_000_000  # the same, where it is neither HTML nor text
MOST_BYTES = 1_000_000_000  # received in all
MOST_FAILURES = 5  # requests in a row that nobody answers
TRIES = 3  # where a server asks to come again later
LONGEST_WAIT = 60.0  # seconds that it may ask for
LONGEST_DELAY = 10.0  # seconds between two requests that a robots.txt may ask for

_MOST_PARTS = 100  # of a body that is several gzip files in a row
_GZIP = b"\x1f\x8b"
_RECEIVE = 65_536
_TEXTUAL = re.compile(r"text/|application/(?:xhtml\+)?xml|$")
_REDIRECTS = (301, 302, 303, 307, 308)


class SkippedError(Exception):
    """An address is not read; the text says why, for the operator.

    `gone`: nor will it be later. `status`: what the server answers where that is the reason, else 0.
    """

    def __init__(self, reason: str, *, gone: bool = False, status: int = 0) -> None:
        super().__init__(reason)
        self.gone, self.status = gone, status


class OutOfBoundsError(Exception):
    """Nothing more may be read in this run; the text says why."""


@dataclass(frozen=True, slots=True)
class Response:
    """`url`: after redirects; `moved`: all of them are for good. `status`: 200, with the unpacked body, or 304.
    `headers`: names in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    moved: bool = False

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Fetcher:
    """Makes one request after the other. Hosts must have public addresses; `private_hosts` may have private ones too.

    `pace`: seconds between the end of a request to a host and the next one to it. `seconds`: for all requests together,
    from now on (monotonic clock).
    """

    def __init__(
        self,
        private_hosts: Sequence[Host] = (),
        pace: float = 0.0,
        seconds: float = 3600.0,
        look_up: LookUp | None = None,
    ) -> None:
        self._private_hosts = private_hosts
        self._pace = pace
        self._deadline = monotonic() + seconds
        self._connector = Connector(look_up or Lookups(CONNECT_SECONDS), CONNECT_SECONDS)
        self._delays: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._received = 0
        self._failures = 0

    def slow_down(self, host: str, seconds: float) -> None:
        """Keep this delay between requests to the host, or LONGEST_DELAY; never less than the pace."""
        self._delays[host] = min(seconds, LONGEST_DELAY)

    def get(self, url: str, may: Callable[[str], None], conditions: Mapping[str, str] | None = None) -> Response:
        """What is at the address, or where it redirects to. `may` is asked about each address on the way and raises
        SkippedError; `conditions` are headers for the first one.

        Raises SkippedError, where the server says anything but 200 or 304 too, and OutOfBoundsError.
        """
        headers, moved = dict(conditions or {}), True
        for _ in range(MOST_REDIRECTS + 1):
            may(url)
            status, got, body = self._answered(url, headers)
            if status in _REDIRECTS:
                url, headers, moved = _redirected(url, got), {}, moved and status in (301, 308)
            elif status == 200 or (status == 304 and headers):
                return Response(url, status, got, body, moved)
            else:
                raise SkippedError(f"the server answers {status}", gone=status in (404, 410), status=status)
        raise SkippedError(f"redirects more than {MOST_REDIRECTS} times")

    def _answered(self, url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        """As the server answers when it does not ask to come again later."""
        for rest in reversed(range(TRIES)):
            status, got, body = self._request(url, headers)
            if status not in (429, 503) or not rest:
                break
            wait = retry_seconds(got)
            if wait is None or wait > LONGEST_WAIT:
                break
            gevent.sleep(min(max(wait, 1), self._left()))
        return status, got, body

    def _left(self) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise OutOfBoundsError("the time is up")
        if self._received > MOST_BYTES:
            raise OutOfBoundsError(f"more than {MOST_BYTES:,} bytes have been received")
        if self._failures >= MOST_FAILURES:
            raise OutOfBoundsError(f"{MOST_FAILURES} requests in a row were not answered")
        return left

    def _request(self, url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        where = target(url)
        pause = max(self._pace, self._delays.get(where.host, 0.0))
        gevent.sleep(min(max(self._last.get(where.host, -pause) + pause - monotonic(), 0.0), self._left()))
        limit = min(PAGE_SECONDS, self._left())
        try:
            with gevent.Timeout(limit):
                addresses = self._connector.addresses(where, private=is_listed(where, self._private_hosts))
                with self._connector.connected(where, addresses) as connection:
                    connection.sendall(_request_bytes(url, headers))
                    answer = self._receive(connection)
        except gevent.Timeout as error:
            self._failures += 1
            raise SkippedError(f"not whole within {limit:.3g} s") from error
        except ToolError as error:
            raise SkippedError(str(error).rstrip(".")) from error
        except ssl.SSLCertVerificationError as error:
            raise SkippedError(f"{where.host} has no valid certificate ({error.verify_message})") from error
        except ProtocolError as error:
            raise SkippedError(f"the answer is broken: {error}") from error
        except OSError as error:
            self._failures += 1
            raise SkippedError(f"{where.host} does not answer ({error.strerror or type(error).__name__})") from error
        finally:
            self._last[where.host] = monotonic()
        self._failures = 0
        return answer

    def _receive(self, connection: Any) -> tuple[int, Mapping[str, str], bytes]:
        data = b""
        while (head := parse_head(data)) is None:
            piece = connection.recv(_RECEIVE)
            if not piece or len(data) > 2 * MOST_HEAD_BYTES:  # so many interim responses are none either
                raise ProtocolError("it has no head")
            data += piece
        status, headers, rest = head
        if status != 200:  # nothing else is read
            return status, headers, b""
        most = MOST_PAGE_BYTES if _TEXTUAL.match(headers.get("content-type", "").lower()) else MOST_DOCUMENT_BYTES
        body, payload = body_of(headers, status), bytearray()
        length = headers.get("content-length", "")
        received = len(rest)
        if rest:
            payload += body.feed(rest)
        while not body.complete:
            if len(payload) > most or received > 2 * most or (length.isdecimal() and int(length) > most):
                raise SkippedError(f"larger than {most:,} bytes")
            piece = connection.recv(_RECEIVE)
            received += len(piece)
            self._received += len(piece)
            payload += body.feed(piece)
        return status, headers, _decoded(bytes(payload), headers.get("content-encoding", ""), most)


def _request_bytes(url: str, headers: Mapping[str, str]) -> bytes:
    where = target(url)
    fields = {
        "Host": urlsplit(url).netloc,
        "User-Agent": USER_AGENT,
        "Accept": "text/html, application/xhtml+xml, text/*;q=0.9, application/xml;q=0.9, */*;q=0.5",
        "Accept-Encoding": "gzip",
        "Connection": "close",
        **headers,
    }
    lines = [f"GET {where.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def _redirected(url: str, headers: Mapping[str, str]) -> str:
    location = headers.get("location", "").encode("latin-1").decode("utf-8", "replace")  # some send it unescaped
    try:
        return normalised(location, url)
    except ValueError as error:
        raise SkippedError(f"redirects to {location[:200]!r}") from error


def _decoded(data: bytes, encoding: str, most: int) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return data
    if encoding in ("gzip", "x-gzip"):
        return gunzipped(data, most)
    if encoding == "deflate":
        return _inflated(zlib.decompressobj(), data, most)[0]
    raise SkippedError(f"packed as {encoding[:20]!r}, which was not asked for")


def gunzipped(data: bytes, most: int = MOST_PAGE_BYTES) -> bytes:
    """The content of a gzip file, at most so many bytes; other data as they are. Raises SkippedError."""
    content = b""
    for _ in range(_MOST_PARTS):
        if not data.startswith(_GZIP):
            break
        part, data = _inflated(zlib.decompressobj(zlib.MAX_WBITS | 16), data, most - len(content))
        content += part
    else:
        raise SkippedError("packed in too many parts")
    return content or data


def _inflated(packed: Any, data: bytes, most: int) -> tuple[bytes, bytes]:
    """What is in it, and what stands behind its end."""
    try:
        content = packed.decompress(data, most + 1)
    except zlib.error as error:
        raise SkippedError("cannot be unpacked") from error
    if len(content) > most:
        raise SkippedError(f"larger than {most:,} bytes when it is unpacked")
    if not packed.eof:
        raise SkippedError("cannot be unpacked: it is cut off")
    return content, packed.unused_data
