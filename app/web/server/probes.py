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
_LOOK_SECONDS = 0.1  # between two looks whether others wait for a caller who does not read


class Beginning:
    """Sends the head of a response ahead, byte by byte, as far as it is known: `HTTP/1.1 `.

    `response` is gunicorn's, which sends the rest of the head once it is made. `protocol` is the request's, and the
    response's too.
    """

    def __init__(self, connection: Any, response: Any, protocol: str) -> None:
        self._connection = connection
        self._response = response
        self._known = f"{protocol} ".encode()
        self._sent = 0

    def probe(self) -> None:
        """Raises OSError. Does nothing once the head is made, or all of it has been sent that is known."""
        if self._response.status is None and self._sent < len(self._known) and not _unsent(self._connection):
            self._sent += os.write(self._connection.fileno(), self._known[self._sent : self._sent + 1])
            self._response.sock = self

    def sendall(self, head: bytes) -> None:
        """The response's first write, for which this stands in the place of the connection."""
        self._response.sock = self._connection
        self._connection.sendall(head[self._sent :])


class PieceSender:
    """Sends the pieces of a streamed response, each in one system call if it fits; `in_chunks` for HTTP/1.1.

    gunicorn does the same with `sendall`; this costs less for each token. The headers before the first piece and the
    last chunk stay gunicorn's own. Where the way to the caller is full, and `gives_up` says so, the caller is dropped
    instead of waited for. `sent_at` is when the last piece or probe was sent (seconds of the
    monotonic clock), and before the first when the request came.
    """

    __slots__ = ("_connection", "_in_chunks", "_is_cut", "_send", "gives_up", "sent_at")

    def __init__(self, connection: Any, *, in_chunks: bool) -> None:
        self.sent_at = monotonic()
        self.gives_up: Callable[[], bool] = lambda: False
        self._connection = connection
        self._send = connection.send
        self._in_chunks = in_chunks
        self._is_cut = False  # a piece has been sent in part

    def send(self, piece: bytes) -> None:
        """Wait until all of it is on its way. Raises OSError."""
        data = b"%x\r\n%b\r\n" % (len(piece), piece) if self._in_chunks else piece
        try:
            sent = self._send(data, 0, 0.0)  # without waiting: a small piece goes whole, or not at all
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])
        self.sent_at = monotonic()

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
        self._is_cut = False

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
