"""One request to a model server and its streamed response, with the meaning of everything that can go wrong."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import gevent

from app.engine.errors import ModelError, Problem
from app.providers.transport.connections import Connections
from app.providers.transport.http1 import MOST_HEAD_BYTES, Body, ProtocolError, body_of, parse_head, retry_seconds
from app.providers.transport.redaction import without_keys
from app.providers.transport.ticker import Ticker, Watch

log = logging.getLogger(__name__)

MOST_ERROR_BYTES = 4_096
READ_BYTES = 65_536

# Statuses after which another model, or the same one a little later, may well answer.
PASSING = frozenset({401, 404, 408, 409, 425, 429, *range(500, 600)})
PROBLEMS = {
    408: Problem.UPSTREAM_TIMEOUT,
    429: Problem.OVERLOADED,
    503: Problem.OVERLOADED,
    504: Problem.UPSTREAM_TIMEOUT,
    529: Problem.OVERLOADED,
}

_ticker = Ticker()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds."""

    connect: float
    first_token: float
    between_tokens: float
    total: float


class _Silence(Exception):  # noqa: N818 - no error
    """Raised in a read: the heartbeat interval has passed."""


class _Closed(Exception):  # noqa: N818 - no error
    """Raised in a read: the stream was closed from outside."""


class Upstream:
    """A model server."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str], timeouts: Timeouts, ca_file: str | None = None
    ) -> None:
        url = urlsplit(base_url)
        self.timeouts = timeouts
        self.connections = Connections(url, ca_file, timeouts.connect)
        self._path = url.path.rstrip("/")
        self._head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": url.netloc, **headers}.items())

    def post(self, path: str, body: bytes) -> "Reply":
        """Send JSON; returns when the response's head has come. Raises ModelError."""
        head = (
            f"POST {self.connections.request_prefix}{self._path}{path} HTTP/1.1\r\n{self._head}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            with gevent.Timeout(self.timeouts.connect + self.timeouts.first_token):
                return self._exchange(head.encode("latin-1") + body)
        except (gevent.Timeout, TimeoutError) as error:
            raise ModelError(Problem.UPSTREAM_TIMEOUT) from error
        except (OSError, ProtocolError) as error:
            log.warning("model server cannot be reached: %s", error)
            raise ModelError(Problem.UPSTREAM_FAILED) from error

    def _exchange(self, request: bytes) -> "Reply":
        while True:
            connection, used = self.connections.take()
            taken, data = monotonic(), b""
            try:
                connection.sendall(request)
                while (head := parse_head(data)) is None:
                    piece = connection.recv(READ_BYTES)
                    if not piece:
                        raise ProtocolError("the server hung up")
                    data += piece
                    if len(data) > MOST_HEAD_BYTES + READ_BYTES:  # one "100 Continue" after another
                        raise ProtocolError("endless response head")
                status, headers, rest = head
                return Reply(self, connection, status, headers, rest)
            except (gevent.Timeout, TimeoutError):
                connection.close()
                if used:  # what lies between may have forgotten it, and then those that were idle for longer too
                    self.connections.forget(taken)
                raise
            except (OSError, ProtocolError):
                connection.close()
                if not used or data:
                    raise
                # The server closed the idle connection just as we used it: a new one tells.
            except BaseException:
                connection.close()
                raise


class Reply:
    """A response whose body is still coming. Iterate once, from one greenlet; `close` from anywhere."""

    def __init__(
        self, upstream: Upstream, connection: Any, status: int, headers: Mapping[str, str], rest: bytes
    ) -> None:
        self.status = status
        self.headers = headers
        self._upstream = upstream
        self._connection = connection
        self._body: Body = body_of(headers, status)
        self._rest = rest
        self._broken: ProtocolError | None = None
        self._closed = False
        self._heartbeat = float("inf")
        self._heartbeats = 0
        self._limit = upstream.timeouts.first_token
        self._watch = Watch(self._overdue)
        # A read that is tried first fails nearly always, and a failed system call costs more than a wait.
        self._readable: Any = None
        self._wait: Callable[[], object] = lambda: None

    def begin(self, heartbeat: float) -> None:
        """From here on the calling greenlet reads, and is woken after each heartbeat interval of silence."""
        self._heartbeat = heartbeat
        self._watch.greenlet = gevent.getcurrent()
        if self._connection is None:
            return  # closed before it was read
        hub = gevent.get_hub()
        self._readable = hub.loop.io(self._connection.fileno(), 1)
        plain = type(self._connection) is gevent.socket.socket
        self._wait = partial(hub.wait, self._readable) if plain else self._wait_for_tls
        _ticker.add(self._watch)

    def read(self) -> bytes | None:
        """The next of the payload; b"" after a heartbeat interval without `progressed`, None at the end.

        Raises ModelError. Every token comes through here: no generator, for each one deepens the stack that gevent
        copies at every switch.
        """
        watch, body = self._watch, self._body
        try:
            while not (body.complete or self._closed):
                if self._broken:
                    raise self._broken
                if self._rest:
                    data, self._rest = self._rest, b""
                else:
                    watch.waiting = True
                    self._wait()
                    data = self._connection.recv(READ_BYTES)
                payload = body.feed(data)
                if payload:
                    return payload
        except _Silence:
            return b""
        except _Closed:
            pass
        except (OSError, ProtocolError) as error:
            if isinstance(error, ProtocolError) and error.payload:  # it was said in front of the fault
                payload, error.payload, self._broken = error.payload, b"", error
                return payload
            if not self._closed:
                log.warning("model server broke off: %s", error)
                raise ModelError(Problem.UPSTREAM_FAILED) from error
        finally:
            watch.waiting = False  # a timeout or the end of the greenlet may have come instead
        return None

    def _wait_for_tls(self) -> None:
        """What has been decrypted already cannot be waited for; but the others get their turn before it is read."""
        if self._connection.pending():
            gevent.sleep(0)
        else:
            gevent.get_hub().wait(self._readable)

    def progressed(self) -> None:
        """Something came that counts: the clocks of silence start anew."""
        self._watch.since = monotonic()
        self._heartbeats = 0
        self._limit = self._upstream.timeouts.between_tokens

    def limit_silence(self, seconds: float) -> None:
        """Until something counts again, no more than that is waited for it."""
        self._limit = min(self._limit, seconds)

    def close(self) -> None:
        """Ends a read that waits in another greenlet; otherwise the connection is given back or closed at once."""
        self._closed = True
        if self._watch.waiting:
            self._watch.interrupt(_Closed())
        else:
            self._release()

    def refusal(self) -> ModelError:
        """What a status other than 200 means; what the server says of it goes to the log only."""
        said = b""
        try:
            with gevent.Timeout(self._upstream.timeouts.connect):
                self.begin(float("inf"))
                while len(said) < MOST_ERROR_BYTES and (piece := self.read()) is not None:
                    said += piece
        except (gevent.Timeout, ModelError):
            pass  # the status says enough
        finally:
            self.close()
        words = without_keys(said.decode("utf-8", "replace"))[:MOST_ERROR_BYTES]
        log.warning("model server answered %s: %s", self.status, words)
        return ModelError(
            PROBLEMS.get(self.status, Problem.UPSTREAM_FAILED),
            passing=self.status in PASSING,
            retry_after=retry_seconds(self.headers.get("retry-after", "")),
        )

    def _overdue(self, silent: float, age: float) -> BaseException | None:
        if silent > self._limit:
            return ModelError(Problem.UPSTREAM_TIMEOUT)
        if age > self._upstream.timeouts.total:
            return ModelError(Problem.UPSTREAM_TIMEOUT, passing=silent == age)  # where it speaks, it is well
        if silent > self._heartbeat * (self._heartbeats + 1):
            self._heartbeats += 1
            return _Silence()
        return None

    def _release(self) -> None:
        _ticker.remove(self._watch)
        if self._readable:
            self._readable.close()
            self._readable = None
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._body.complete and not self._body.surplus and self.headers.get("connection", "").lower() != "close":
            self._upstream.connections.give_back(connection)
        else:
            connection.close()
