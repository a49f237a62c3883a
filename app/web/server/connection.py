"""The caller's connection itself: who hung up, who stopped reading, and hanging up politely."""

import select
import socket
from collections.abc import Callable
from typing import Any

import gevent
from flask import Flask, Request, Response, after_this_request, request
from gevent.monkey import get_original

from app.settings.load import Settings

LINGER_SECONDS = 2
LINGER_BYTES = 16 * 1024 * 1024
LOOK_SECONDS = 0.1

_Poll = get_original("select", "poll")  # it does not wait
_HUNG_UP = getattr(select, "POLLRDHUP", 0)  # Linux's; without it only a reset is seen behind unread bytes


class Watcher:
    """Calls `on_gone` once, within a millisecond of the caller's hanging up, also while nothing is being written.

    Behind bytes that nobody reads yet (the next request, sent ahead) it takes a tenth of a second. Stop it before the
    connection is used for another request. Where TLS ends in gunicorn itself (the socket cannot be looked into), and
    under other servers, it watches nothing: the next write notices.
    """

    def __init__(self, connection: Any, on_gone: Callable[[], None]) -> None:
        self._connection = connection
        self._on_gone = on_gone
        self._event: Any = None
        if type(connection) is gevent.socket.socket:
            self._event = gevent.get_hub().loop.io(connection.fileno(), 1)
            self._event.start(self._look)

    def stop(self) -> None:
        if self._event:
            self._event.close()
            self._event = None

    def _look(self) -> None:
        """In the event loop, which must not wait."""
        self.stop()
        try:
            gone = not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            gone = True
        if gone:
            gevent.spawn(self._on_gone)
        else:  # it stays readable, whatever comes behind
            self._event = gevent.get_hub().loop.timer(LOOK_SECONDS, LOOK_SECONDS, ref=False)
            self._event.start(self._look_behind)

    def _look_behind(self) -> None:
        """In the event loop too."""
        look = _Poll()
        look.register(self._connection.fileno(), _HUNG_UP)
        if look.poll(0):
            self.stop()
            gevent.spawn(self._on_gone)


def sender(request: Request) -> Callable[[bytes], None] | None:
    """A function that sends a piece of a streamed response past gunicorn, or None where that is not possible.

    For an HTTP/1.1 caller gunicorn frames each piece as a chunk and sends it with `sendall`; the same done here costs
    less for each token. The headers before the first piece, and the last chunk, stay gunicorn's own.
    """
    connection = request.environ.get("gunicorn.socket")
    if type(connection) is not gevent.socket.socket or request.environ["SERVER_PROTOCOL"] != "HTTP/1.1":
        return None
    send, send_all = connection.send, connection.sendall

    def send_chunk(piece: bytes) -> None:
        chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
        sent = send(chunk)
        if sent < len(chunk):
            send_all(chunk[sent:])

    return send_chunk


def bound_writes(app: Flask, settings: Settings) -> None:
    """A caller who takes nothing for `send_seconds` is dropped: the write fails, and with it the answer."""

    @app.after_request
    def bound(response: Response) -> Response:
        connection = request.environ.get("gunicorn.socket")
        if connection:
            connection.settimeout(settings.server.send_seconds)
            response.call_on_close(lambda: connection.settimeout(None))
        return response


def announces_body(request: Request) -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def close_after_answer() -> None:
    """Answer, then close: what is left of the request's body is not worth reading.

    gunicorn would read it to its end, however long that is, before the next request. Closing with unread bytes would
    reset the connection, and the caller might never see the answer. So the sending side is closed first, and what
    still arrives is thrown away for a moment.
    """
    environ = request.environ
    force_close = getattr(environ["wsgi.input"], "force_close", None)  # see config/gunicorn.conf.py
    if not force_close:
        return
    force_close()
    connection = environ["gunicorn.socket"]

    @after_this_request
    def linger(response: Response) -> Response:
        response.call_on_close(lambda: _drain(connection))
        return response


def _drain(connection: socket.socket) -> None:
    taken = 0
    try:
        connection.shutdown(socket.SHUT_WR)
        with gevent.Timeout(LINGER_SECONDS, False):  # type: ignore[arg-type]  # gevent's way to say "silently"
            while taken < LINGER_BYTES:
                piece = connection.recv(65536)
                if not piece:
                    break
                taken += len(piece)
                gevent.sleep(0)  # a sender faster than we are must not keep the others waiting
    except OSError:
        pass  # gone already
