"""The caller's connection itself: who stopped reading, and closing it without losing the response.

The application never touches the server's socket. What it needs of it, config/gunicorn.conf.py puts into the WSGI
environment, and under another server, or where TLS ends in gunicorn itself, some or all of it is missing:

| key | what it does | without it |
|---|---|---|
| `parlance.watch(on_gone)` | a `Watcher`, to be stopped: watcher.py | the next write notices that the caller has gone |
| `parlance.pieces` | a `PieceSender` for a streamed response: probes.py | the server sends what is yielded |
| `parlance.send_timeout(seconds or None)` | bounds each write | a caller who does not read keeps the turn |
| `parlance.continue()` | sends `100 Continue` to a caller who waits for it with the body | nobody waits for it |
| `parlance.force_close()` | no further request on this connection | the server reads the body to its end |
| `parlance.drain()` | closes the sending side and reads the rest | |
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import gevent
from flask import Flask, Response, g, request

from app.settings.records import Settings

LINGER_SECONDS = 2
LINGER_BYTES = 16 * 1024 * 1024


def bound_writes(app: Flask, settings: Settings) -> None:
    """A caller who takes nothing for `send_seconds` is dropped: the write fails, and with it the turn."""

    @app.after_request
    def bound(response: Response) -> Response:
        set_timeout = request.environ.get("parlance.send_timeout")
        if set_timeout:
            set_timeout(settings.server.send_seconds)
            response.call_on_close(lambda: set_timeout(None))
        return response


def close_where_unread(app: Flask) -> None:
    """After a response to a request whose body has not been read (refused, or of an operation that takes none), close
    the connection: the rest of the body is not worth reading, and may never come from a caller who was not told to
    continue.

    gunicorn would read it to its end, however long that is, before the next request. Closing with unread bytes would
    reset the connection, and the caller might never see the response. So the sending side is closed first, and what
    still arrives is thrown away for at most `LINGER_SECONDS` and `LINGER_BYTES`.
    """

    @app.after_request
    def close(response: Response) -> Response:
        announced = bool(request.content_length) or "Transfer-Encoding" in request.headers
        force_close, drain = (request.environ.get(f"parlance.{name}") for name in ("force_close", "drain"))
        if announced and not g.get("body_was_read") and force_close and drain:
            force_close()
            response.call_on_close(drain)
        return response


def continue_sender(connection: Any) -> Callable[[], None]:
    """A function that sends the interim response `100 Continue`."""
    return partial(connection.sendall, b"HTTP/1.1 100 Continue\r\n\r\n")


def drain(connection: socket.socket) -> None:
    """Close the sending side, and throw away what still arrives."""
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
