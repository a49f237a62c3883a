"""gunicorn's worker, with a bound on the head of a request, and with words of its own for what is no HTTP: gunicorn's
repeat what was sent, in the response and in the log."""

import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import gevent
from gunicorn.http import errors
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.util import write_nonblock
from gunicorn.workers.ggevent import GeventWorker

from app.web.server.addresses import network_of, plain_address
from app.web.server.line_cap import LineCap

MOST_HEAD = 32_768  # bytes of all headers together, which are looked at in one piece once all have come
POLL_SECONDS = 0.1
PIECE = 8192  # bytes that gunicorn reads at once: behind a head they may be of the body

_STATUSES: dict[type[Exception], str] = {
    errors.LimitRequestLine: "414 URI Too Long",
    errors.ExpectationFailed: "417 Expectation Failed",
    errors.LimitRequestHeaders: "431 Request Header Fields Too Large",
    errors.UnsupportedTransferCoding: "501 Not Implemented",
}
"""Of what is refused before there is a request; all else is 400."""
_OURS = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)  # type: ignore[attr-defined]  # the stubs are older


class BoundedRequest(Request):
    """A request with at most MOST_HEAD of headers: gunicorn's own bound is that of one header times their number."""

    def parse(self, unreader: Any) -> Any:
        """Raises LimitRequestHeaders, which is answered with 431."""
        self.max_buffer_headers = MOST_HEAD + PIECE
        return super().parse(unreader)


RequestParser.mesg_class = BoundedRequest


class Worker(GeventWorker):
    """One request after another on each connection, a greenlet for each connection.

    `most_per_address`: the most connections of one address; more are closed as they come. `has_work`: whether something
    is still being made when all connections have ended; the worker waits for it, as long as its master does for it.
    """

    most_per_address = 0
    has_work: Callable[[], bool] = staticmethod(lambda: False)
    _connections: Counter[str] = Counter()  # noqa: RUF012 - a process has one worker

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lines = LineCap(lambda left_out: self.log.warning("no HTTP", extra={"left_out": left_out}))

    def init_signals(self) -> None:
        """SIGHUP is for the master. A worker that gets it would end at once otherwise, with all that it answers."""
        super().init_signals()
        signal.signal(signal.SIGHUP, lambda *_: None)  # programs that are started take it as ever

    def run(self) -> None:
        super().run()
        while self.has_work():
            self.notify()
            gevent.sleep(POLL_SECONDS)

    def accepts(self) -> bool:
        """Whether connections are taken: until a second after the end was asked for at most."""
        return any(listener.fileno() >= 0 for listener in self.sockets)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection to its end."""
        network = network_of(addr[0]) if addr else "local"
        if self._connections[network] >= self.most_per_address:
            client.close()
            return
        self._connections[network] += 1
        try:
            super().handle(listener, client, addr)
        finally:
            self._connections[network] -= 1
            if not self._connections[network]:
                del self._connections[network]

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Others have their turn before the next request, which may have come already: who sends thousands ahead would
        keep them waiting for all of these."""
        handled = super().handle_request(listener_name, req, sock, addr)
        gevent.sleep(0)
        return handled

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Refuse what is no HTTP and log its kind alone: what was sent may be long, and hold a credential."""
        if not isinstance(exc, errors.ParseException) or isinstance(exc, _OURS):
            super().handle_error(req, client, addr, exc)
            return
        status = _STATUSES.get(type(exc), "400 Bad Request")
        if self._lines.admit():
            place = plain_address(addr[0]) if addr else "a local socket"
            self.log.warning("no HTTP from %s: %s", place, type(exc).__name__)
        body = b'{"error":"%b"}' % status[4:].encode()
        head = (
            f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        try:
            write_nonblock(client, head.encode() + b"\r\n\r\n" + body)
        except OSError:
            self.log.debug("the caller has gone")
