"""What becomes of a known answer between the server and a caller, and which line of nginx's configuration mends it."""

import http.client
import json
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from app.settings.environment import host_name

LINES = 20
PATIENCE_SECONDS = 15.0  # for all of an answer, beside the silence that is asked for
_MOST_BYTES = 2**20  # are read: many times a known answer
_SPREAD = 0.3  # of the time in which the lines were sent: in less than that, they were held back
_LEAST_PIECES = LINES // 2
_CLOCK_SECONDS = 30.0
_ELSEWHERE = "look whether this address leads to this server"
_CURES = {
    413: "nginx: client_max_body_size 512k; (above body_bytes)",
    421: "the name in PARLANCE_HOSTS",
    429: "ask again in a minute; other in [limits] is that limit",
}
"""By the status of an answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what is wrong there, and what helps."""

    check: str
    problem: str
    cure: str


@dataclass(slots=True)
class Heard:
    """What came: `pieces` are (seconds since the request, bytes); `cut` where there was no end."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    version: int = 11
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def hop(self) -> str:
        """Who says to have passed it on."""
        said = [f"{name}: {self.headers[name.lower()]}" for name in ("Via", "Server") if name.lower() in self.headers]
        return f" ({', '.join(said)})" if said else ""

    @property
    def is_event_stream(self) -> bool:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"

    def events(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Each with the seconds at which it was whole. Compressed ones are read as they come; none is read behind
        what Parlance never sends."""
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress if self.headers.get("content-encoding") else bytes
        rest = b""
        for at, piece in self.pieces:
            try:
                *whole, rest = (rest + unpack(piece)).split(b"\n\n")
                events = [json.loads(each.removeprefix(b"data: ")) for each in whole if each.startswith(b"data: ")]
            except (zlib.error, ValueError):
                return
            yield from ((at, event) for event in events if isinstance(event, dict))


def ask(url: str, path: str, token: str, body: bytes, patience: float) -> Heard:
    """What came within `patience` seconds, whatever they went by with: names, connections, or an answer byte by byte.

    Raises OSError where there is no way to the server, no HTTP, or nothing came.
    """
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=patience, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=patience)
    heard, failures, began = Heard(), list[OSError](), time.monotonic()

    def run() -> None:
        try:
            _exchange(heard, connection, f"{parts.path.rstrip('/')}{path}", token, body)
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)  # no timeout of a socket bounds all of it
    thread.start()
    thread.join(patience)
    if failures:
        raise failures[0]
    if not heard.status:
        raise TimeoutError(f"nothing came within {patience:g} s")
    return replace(heard, pieces=[*heard.pieces], seconds=time.monotonic() - began)


def _exchange(heard: Heard, connection: http.client.HTTPConnection, path: str, token: str, body: bytes) -> None:
    """Fills `heard` as it comes. Raises OSError as above."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept-Encoding": "gzip",
        "Content-Type": "application/octet-stream",
    }
    began, left = time.monotonic(), _MOST_BYTES
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        heard.headers = {name.lower(): value for name, value in response.getheaders()}
        heard.status, heard.version = response.status, response.version
        while left > 0 and (piece := response.read1(65_536)):
            heard.pieces.append((time.monotonic() - began, piece))
            left -= len(piece)
    except http.client.IncompleteRead:
        pass  # cut, which its end tells
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP: {error!r}") from error
    except OSError:
        if not heard.status:
            raise
    finally:
        connection.close()


def findings_of_body(heard: Heard, sent: int) -> Iterator[Finding]:
    """Of a request with as large a body as the server takes."""
    if heard.status == 200:
        return
    cure = _CURES.get(heard.status, "look at the log of that hop")
    yield Finding("body size", f"a body of {sent:,} bytes was answered {_status(heard)}", cure)


def findings_of_stream(heard: Heard, url: str, silence: float) -> Iterator[Finding]:
    """Of an answer of LINES lines, and of so many seconds of silence behind them."""
    if heard.status != 200:
        yield Finding("answer", f"it was answered {_status(heard)}", _CURES.get(heard.status, _ELSEWHERE))
        return
    encoding = heard.headers.get("content-encoding", "")
    readable = encoding in ("", "gzip")
    events = [*heard.events()] if readable else []
    seen = next((event["seen"] for _, event in events if isinstance(event.get("seen"), dict)), None)
    if not heard.is_event_stream or (readable and heard.pieces and not seen):
        kind = heard.headers.get("content-type", "none")
        problem = f"what answered there is no Parlance: status 200, Content-Type {kind}{heard.hop}"
        yield Finding("answer", problem, _ELSEWHERE)
        return
    if encoding:
        yield Finding("compression", f"the stream is compressed by {encoding}{heard.hop}", "nginx: gzip off;")
    if not readable:
        return
    yield from _of_headers(heard)
    yield from _of_timing(heard, [(at, event["sent"]) for at, event in events if "line" in event])
    if not any("end" in event for _, event in events):
        problem = f"it was cut after {heard.seconds:.1f} s, with a silence of {silence:g} s in it{heard.hop}"
        yield Finding("cut", problem, "nginx: proxy_read_timeout 300s;")
    if seen:
        yield from _of_caller(seen, heard, url)


def _status(heard: Heard) -> str:
    """With what it means, and who says it."""
    meant = ": the limit for other requests was reached" if heard.status == 429 else ""
    return f"{heard.status}{meant}{heard.hop}"


def _of_headers(heard: Heard) -> Iterator[Finding]:
    if "content-length" in heard.headers:
        yield Finding(
            "length", f"it has a Content-Length: somebody has collected it{heard.hop}", "nginx: proxy_buffering off;"
        )
    if "no-transform" not in heard.headers.get("cache-control", ""):
        cure = "let the header Cache-Control pass as it is"
        yield Finding("headers", f"Cache-Control has lost no-transform{heard.hop}", cure)
    if heard.version != 11:
        yield Finding(
            "protocol", f"it came over HTTP/1.0{heard.hop}", "a proxy that speaks HTTP/1.1 or newer to callers"
        )
    said = parsedate_to_datetime(heard.headers["date"]).timestamp() if "date" in heard.headers else time.time()
    apart = abs(said - (time.time() - heard.seconds))
    if apart > _CLOCK_SECONDS + heard.seconds:
        yield Finding(
            "clock", f"its Date is {apart:.0f} s from this clock{heard.hop}", "keep both clocks right, by NTP"
        )


def _of_timing(heard: Heard, lines: list[tuple[float, float]]) -> Iterator[Finding]:
    if len(lines) < 2:
        return
    arrived, sent = lines[-1][0] - lines[0][0], lines[-1][1] - lines[0][1]
    pieces = len({at for at, _ in lines})
    cure = "nginx: proxy_buffering off; (and no proxy_ignore_headers X-Accel-Buffering)"
    if arrived < _SPREAD * sent:
        problem = f"{len(lines)} lines that were sent over {sent:.1f} s came within {arrived:.1f} s{heard.hop}"
        yield Finding("buffering", problem, cure)
    elif pieces < _LEAST_PIECES:
        yield Finding("batches", f"{len(lines)} lines came in {pieces} pieces{heard.hop}", cure)


def _of_caller(seen: dict[str, Any], heard: Heard, url: str) -> Iterator[Finding]:
    added, trusted = len(seen["forwarded"]), seen["trusted_hops"]
    proxied = heard.headers.get("server", "gunicorn") != "gunicorn" or "via" in heard.headers
    if seen["protocol"] == "HTTP/1.0":
        cure = "nginx: proxy_http_version 1.1;"
        yield Finding("upstream protocol", "the server was asked by HTTP/1.0: a cut stream would look finished", cure)
    if proxied and not added:
        cure = "nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
        yield Finding("forwarded", f"no proxy says whom it asks for: callers share one limit{heard.hop}", cure)
    elif added != trusted:
        problem = f"X-Forwarded-For has {added} of the proxies' addresses, and PARLANCE_TRUSTED_HOPS is {trusted}"
        yield Finding(
            "hops", f"{problem}: callers are known as {seen['address'] or 'local'}", f"PARLANCE_TRUSTED_HOPS={added}"
        )
    elif seen["scheme"] != urlsplit(url).scheme:
        cure = "nginx: proxy_set_header X-Forwarded-Proto $scheme;"
        yield Finding("scheme", f"the server takes the scheme for {seen['scheme']}", cure)
    if host_name(seen["host"]) != host_name(urlsplit(url).netloc):
        cure = "nginx: proxy_set_header Host $host;"
        yield Finding("host", f"the server takes its own name for {seen['host']}", cure)
