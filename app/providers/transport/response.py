"""A model server's response while its body is still arriving."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import gevent

from app.engine.errors import FailureKind, ModelError, Problem
from app.providers.transport.connections import Connections
from app.providers.transport.http1 import Body, ProtocolError, body_of
from app.providers.transport.redaction import redacted
from app.providers.transport.statuses import MOST_ERROR_BYTES, failure
from app.providers.transport.ticker import Ticker, Watch

READ_BYTES = 65_536

_ticker = Ticker()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds of the monotonic clock; a request that exceeds one fails with ModelError(UPSTREAM_TIMEOUT).

    `connect` limits connecting to one address of the server, and each step of TLS; `connect` and `first_token` together
    the time until the response's head; `first_token` and `between_tokens` the silence before the first and each later
    event that is part of the answer; `total` the time from the head on.
    """

    connect: float
    first_token: float
    between_tokens: float
    total: float


class _Silence(Exception):  # noqa: N818 - no error
    """Raised in a read: the heartbeat interval has passed."""


class _Closed(Exception):  # noqa: N818 - no error
    """Raised in a read: the response was closed by another greenlet."""


Shortcut = Callable[[bytes], bool | None]
"""Is given what has come, a chunk of chunked transfer coding or several of them, in whole or in part; called by the
event loop, it must not wait. Returns None where it has not taken it: then it is read as ever. Otherwise it is done with
it, and says whether the reader may sleep on: True; False ends the read as silence does."""


class UpstreamResponse:
    """Status, headers (names in lower case) and a body that is read as it arrives.

    One greenlet calls `begin` and then `read` until None; any greenlet may `close`, which gives the connection back to
    `connections` where the body was read to its end, and otherwise closes it. `rest` is what came behind the head;
    `released` is called once, when the connection is let go of.
    """

    def __init__(  # noqa: PLR0917 - what a response is made of
        self,
        connections: Connections,
        timeouts: Timeouts,
        connection: Any,
        status: int,
        headers: Mapping[str, str],
        rest: bytes,
        released: Callable[[], None] = lambda: None,
    ) -> None:
        self.status = status
        self.headers = headers
        self._connections = connections
        self._timeouts = timeouts
        self._connection = connection
        self._body: Body = body_of(headers, status)
        self._rest = rest
        self._released = released
        self._fault: ProtocolError | None = None
        self._closed = False
        self._heartbeat = float("inf")
        self._beat_at = 0.0  # of the last chunks and of the last heartbeat, monotonic
        self._longest_silence = timeouts.first_token
        self._watch = Watch(self._overdue)
        # A read that is tried first fails nearly always, and a failed system call costs more than a wait.
        self._readable: Any = None
        self._listening = False
        self._wait: Callable[[], bytes] = bytes
        self._receive: Callable[[int], bytes] = bytes
        self._shortcut: Shortcut = lambda _data: None

    def begin(self, heartbeat: float) -> None:
        """Let it be read, and the reader be woken after every `heartbeat` seconds without chunks."""
        self._heartbeat, self._beat_at = heartbeat, monotonic()
        if self._connection is None:
            return  # closed before it was read
        self._readable = gevent.get_hub().loop.io(self._connection.fileno(), 1)
        plain = type(self._connection) is gevent.socket.socket
        self._wait = self._wait_for_news if plain else self._wait_for_tls
        # What gevent puts around the plain socket's own call waits, which has been done.
        self._receive = self._connection._sock.recv if plain else self._connection.recv  # noqa: SLF001
        _ticker.add(self._watch)

    def shorten(self, shortcut: Shortcut) -> None:
        """From now on what comes may be taken without a read. Through TLS all is read."""
        self._shortcut = shortcut

    def read(self) -> bytes | None:
        """The next bytes of the body; b"" after a heartbeat interval without chunks, None at the end.

        Raises ModelError where the server broke off or a timeout has passed. Every token comes through here: no
        generator, for each one deepens the stack that gevent copies at every switch.
        """
        watch, body = self._watch, self._body
        try:
            while not (body.complete or self._closed):
                if self._fault:
                    raise self._fault
                if self._rest:
                    data, self._rest = self._rest, b""
                else:
                    watch.greenlet = gevent.getcurrent()  # who begins an answer may leave the rest to another
                    watch.waiting = True
                    data = self._wait()
                payload = body.feed(data)
                if payload:
                    return payload
        except _Silence:
            return b""
        except _Closed:
            pass
        except (OSError, ProtocolError) as error:
            if (
                isinstance(error, ProtocolError) and error.payload
            ):  # it came before the fault, which the next read raises
                payload, error.payload, self._fault = error.payload, b"", error
                return payload
            if not self._closed:
                raise ModelError(Problem.UPSTREAM_FAILED, reason=f"broke off: {error}") from error
        finally:
            watch.waiting = False  # a timeout or the end of the greenlet may have come instead
        return None

    def _wait_for_news(self) -> bytes:
        """The event loop goes on listening between reads: to begin and to end that for each costs more than a read."""
        if not self._listening:
            self._listening = True
            self._readable.start(self._come)
        data: bytes = gevent.get_hub().switch()
        return data

    def _come(self) -> None:
        """Called by the event loop where there is something to be received."""
        watch = self._watch
        if not watch.waiting:  # the reader is busy
            self._listening = False
            self._readable.stop()
            return
        try:
            data = self._receive(READ_BYTES)
            taken = self._shortcut(data) if self._body.between_chunks else None
        except BlockingIOError:
            return
        except BaseException as error:  # noqa: BLE001 - the reader raises it
            watch.throw(error)
            return
        if taken is None:
            watch.waiting = False
            watch.greenlet.switch(data)
        elif not taken:
            watch.throw(_Silence())

    def _wait_for_tls(self) -> bytes:
        """What is decrypted already cannot be waited for; other greenlets get their turn before it is read."""
        if self._connection.pending():
            gevent.sleep(0)
        else:
            gevent.get_hub().wait(self._readable)
        return self._receive(READ_BYTES)

    def progressed(self, *, chunks: bool) -> None:
        """Restart the clock of silence: what was read is part of the answer. With `chunks`, the heartbeat's too."""
        self._watch.since = now = monotonic()
        if chunks:
            self._beat_at = now
        self._longest_silence = self._timeouts.between_tokens

    def limit_silence(self, seconds: float) -> None:
        """Allow at most so much silence until the next `progressed`."""
        self._longest_silence = min(self._longest_silence, seconds)

    def close(self) -> None:
        """End a read that waits in another greenlet, which then closes the connection; otherwise let go of it now."""
        self._closed = True
        if self._watch.waiting:
            self._watch.interrupt(_Closed())
        else:
            self._release()

    def whole(self, most_bytes: int) -> bytes:
        """The body, read to its end, and closed. Raises ModelError as `read` does, ValueError where it is larger."""
        body = bytearray()
        self.begin(float("inf"))
        try:
            while (piece := self.read()) is not None:
                body += piece
                if len(body) > most_bytes:
                    raise ValueError(f"more than {most_bytes} bytes")
        finally:
            self.close()
        return bytes(body)

    def refusal(self) -> ModelError:
        """The error that a status other than 200 means. Reads the body, of which no caller is told, and closes."""
        body = b""
        try:
            with gevent.Timeout(self._timeouts.connect):
                self.begin(float("inf"))
                while len(body) < MOST_ERROR_BYTES and (piece := self.read()) is not None:
                    body += piece
        except (gevent.Timeout, ModelError):
            pass  # the status says enough
        finally:
            self.close()
        text = redacted(body.decode("utf-8", "replace"))[:MOST_ERROR_BYTES]
        return failure(self.status, text, self.headers)

    def _overdue(self, silent: float, age: float) -> BaseException | None:
        if silent > self._longest_silence:
            return ModelError(Problem.UPSTREAM_TIMEOUT, reason=f"silent for {self._longest_silence:g} s")
        if age > self._timeouts.total:
            # Where the answer has begun, the model is well and the answer too long: another try would not be shorter.
            kind = FailureKind.PASSING if silent == age else FailureKind.ENDLESS
            reason = f"not complete within {self._timeouts.total:g} s"
            return ModelError(Problem.UPSTREAM_TIMEOUT, kind=kind, reason=reason)
        now = monotonic()
        if now - self._beat_at > self._heartbeat:
            self._beat_at = now
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
        self._released()
        if self._body.complete and not self._body.surplus and self.headers.get("connection", "").lower() != "close":
            self._connections.give_back(connection)
        else:
            connection.close()
