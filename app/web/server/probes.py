"""What watcher.py sends to tell a caller who has left from one who only sends no more.

It goes past the server, without waiting, and only where nothing else can be on its way.
"""

import os
from array import array
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any


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
    last chunk stay gunicorn's own.
    """

    __slots__ = ("_connection", "_in_chunks", "_is_cut", "_send")

    def __init__(self, connection: Any, *, in_chunks: bool) -> None:
        self._connection = connection
        self._send = connection.send
        self._in_chunks = in_chunks
        self._is_cut = False  # a piece has been sent in part

    def send(self, piece: bytes) -> None:
        """Wait until all of it is on its way. Raises OSError."""
        data = b"%x\r\n%b\r\n" % (len(piece), piece) if self._in_chunks else piece
        sent = self._send(data)
        if sent < len(data):
            self._is_cut = True
            self._connection.sendall(data[sent:])
            self._is_cut = False

    def probe(self, piece: bytes) -> None:
        """Send it if nothing else is on its way, without waiting. Raises OSError."""
        if not self._is_cut and not _unsent(self._connection):
            os.write(self._connection.fileno(), b"%x\r\n%b\r\n" % (len(piece), piece) if self._in_chunks else piece)


def _unsent(connection: Any) -> int:
    """Bytes on their way that the caller's kernel has not confirmed. Where there are none, a short write is never cut;
    where there are some, they are a probe themselves."""
    count = array("i", [0])
    ioctl(connection.fileno(), TIOCOUTQ, count)
    return count[0]
