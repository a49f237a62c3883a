"""What watcher.py sends to tell a caller who has left from one who only sends no more.

It goes past the server, without waiting, and only where nothing else can be on its way. So do the keep-alives.
"""

import os
import socket
from array import array
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from math import inf
from termios import TIOCOUTQ
from time import monotonic
from typing import Any

from gevent import get_hub
from gevent.socket import wait_write

_AGAIN_SECONDS = 1.0  # after which a caller to whom something is still on its way is looked at again
_LAST_CHUNK = b"0\r\n\r\n"
_LOOK_SECONDS = 0.1  # between two looks whether others wait for a caller who does not read


class Beginning:
    """Sends the head of a response ahead, byte by byte, as far as it is known: `HTTP/1.1 `. And stands between gunicorn
    and the connection where somebody else is to have what gunicorn writes.

    `response` is gunicorn's, which sends the rest of the head once it is made. `protocol` is the request's, and the
    response's too.
    """

    def __init__(self, connection: Any, response: Any, protocol: str) -> None:
        self._connection = connection
        self._response = response
        self._known = f"{protocol} ".encode()
        self._sent = 0
        self._take: Callable[[bytes], object] = connection.sendall

    def probe(self) -> None:
        """Raises OSError. Does nothing once the head is made, or all of it has been sent that is known."""
        if self._response.status is None and self._sent < len(self._known) and not _unsent(self._connection):
            self._sent += os.write(self._connection.fileno(), self._known[self._sent : self._sent + 1])
            self._response.sock = self

    def take_next(self, take: Callable[[bytes], object]) -> None:
        """Let `take` have what gunicorn writes next, without what was sent of it."""
        self._response.sock, self._take = self, take

    def sendall(self, data: bytes) -> None:
        """The response's next write, for which this stands in the place of the connection."""
        self._response.sock = self._connection
        unsent, self._sent = data[self._sent :], 0
        self._take(unsent)


class PieceSender:
    """Sends the pieces of a streamed response, each in one system call if it fits; `in_chunks` for HTTP/1.1.

    gunicorn does the same with `sendall`; this costs less for each token. The head before the first piece and what ends
    the response stay gunicorn's own; with `beginning` they leave together with the first and the last piece. Where the
    way to the caller is full, and `gives_up` says so, the caller is dropped instead of waited for. `sent_at` is when
    the last piece or probe was sent (seconds of the monotonic clock), and before the first when the request came.
    """

    __slots__ = (
        *("_beginning", "_connection", "_holds_head", "_in_chunks", "_is_cut", "_left", "_send", "_send_now"),
        *("gives_up", "sent_at"),
    )

    def __init__(self, connection: Any, *, in_chunks: bool, beginning: Beginning | None = None) -> None:
        self.sent_at = monotonic()
        self.gives_up: Callable[[], bool] = lambda: False
        self._connection = connection
        self._send = connection.send
        self._send_now = connection._sock.send  # noqa: SLF001 - the plain socket's, which gevent's own calls and waits
        self._left = b""  # of what was pushed; the head that is held
        self._holds_head = False
        self._beginning = beginning
        self._in_chunks = in_chunks
        self._is_cut = False  # a piece has been sent in part

    def hold_head(self) -> None:
        """Have the head, which gunicorn writes next, leave with the first piece, or when `flush` is called."""
        if self._beginning:
            self._beginning.take_next(self._hold)

    def _hold(self, head: bytes) -> None:
        self._left = head
        self._holds_head = self._is_cut = True

    def send_last(self, piece: bytes) -> None:
        """Send it with what ends the response, which gunicorn writes next."""
        if self._beginning and self._in_chunks:
            self.send(piece, _LAST_CHUNK)
            self._beginning.take_next(lambda _last_chunk: None)
        else:
            self.send(piece)

    def push(self, piece: bytes) -> bool:
        """Send it without waiting. False where some of it is left, or the caller is gone, for `flush` to find out."""
        data = b"%x\r\n%b\r\n" % (len(piece), piece) if self._in_chunks else piece
        try:
            sent = self._send_now(data)
        except OSError:
            sent = 0
        if sent < len(data):
            self._left, self._is_cut = data[sent:], True
            return False
        self.sent_at = monotonic()
        return True

    def flush(self) -> None:
        """Wait until what was pushed, or held, is on its way. Raises OSError. A head is nothing that a caller hears."""
        if self._left:
            left, self._left = self._left, b""
            self._put(left)
            if not self._holds_head:
                self.sent_at = monotonic()
            self._holds_head = False

    def send(self, piece: bytes, behind: bytes = b"") -> None:
        """Wait until all of it is on its way, and what is `behind` it. Raises OSError."""
        data = b"%x\r\n%b\r\n" % (len(piece), piece) if self._in_chunks else piece
        if behind or self._left:
            data = b"".join([self._left, data, behind])
            self._left, self._holds_head = b"", False
        self._put(data)
        self.sent_at = monotonic()

    def _put(self, data: bytes) -> None:
        try:
            sent = self._send(data, 0, 0.0)  # without waiting: a small piece goes whole, or not at all
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])
        self._is_cut = False

    def _send_rest(self, rest: memoryview) -> None:
        """As the caller takes it, within the connection's timeout; others may come meanwhile who would have to wait."""
        self._is_cut = True
        timeout: float | None = self._connection.gettimeout()
        deadline = inf if timeout is None else monotonic() + timeout
        while rest:
            if self.gives_up():
                self._connection.shutdown(socket.SHUT_RDWR)
                raise ConnectionAbortedError("the caller does not read, and others wait")
            if monotonic() > deadline:
                raise TimeoutError("the caller does not read")
            with suppress(TimeoutError, BlockingIOError):
                wait_write(self._connection.fileno(), timeout=_LOOK_SECONDS)
                rest = rest[self._send(rest, 0, 0.0) :]

    def probe(self, piece: bytes) -> None:
        """Send it if nothing else is on its way, without waiting. Raises OSError."""
        if not self._is_cut and not _unsent(self._connection):
            os.write(self._connection.fileno(), b"%x\r\n%b\r\n" % (len(piece), piece) if self._in_chunks else piece)
            self.sent_at = monotonic()


class KeepAlive:
    """Sends a stream's keep-alive whenever its caller has been sent nothing for `seconds` (monotonic), whatever the
    answer's greenlet does meanwhile: the clock is the caller's, not the model's.

    One timer for each stream, which is set anew only as it fires, so that a token costs no more than noting the time.
    Stop it before the server writes again.
    """

    def __init__(self, pieces: PieceSender, piece: bytes, seconds: float) -> None:
        self._pieces, self._piece, self._seconds = pieces, piece, seconds
        self._timer: Any = None
        self._look_in(self._left())

    def stop(self) -> None:
        """May be called more than once."""
        if self._timer:
            self._timer.close()
            self._timer = None

    def _look(self) -> None:
        """Called by the event loop, which must not wait."""
        if self._left() <= 0:
            try:
                self._pieces.probe(self._piece)
            except BlockingIOError:
                pass  # what fills the way to the caller will be heard
            except (OSError, ValueError):  # the latter of a connection that this side has closed
                self.stop()  # gone, as the watcher or the next piece finds out
                return
        self._look_in(self._left() if self._left() > 0 else min(self._seconds, _AGAIN_SECONDS))

    def _left(self) -> float:
        """Seconds until the caller is to hear something."""
        return self._pieces.sent_at + self._seconds - monotonic()

    def _look_in(self, seconds: float) -> None:
        self.stop()
        self._timer = get_hub().loop.timer(max(seconds, 0), ref=False)
        self._timer.start(self._look)


def _unsent(connection: Any) -> int:
    """Bytes on their way that the caller's kernel has not confirmed. Where there are none, a short write is never cut;
    where there are some, they are a probe themselves."""
    count = array("i", [0])
    ioctl(connection.fileno(), TIOCOUTQ, count)
    return count[0]
