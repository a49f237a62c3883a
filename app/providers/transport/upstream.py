"""A model server: sends it a request, on a kept or a new connection, and reads the response's head."""

import logging
from collections.abc import Mapping
from time import monotonic
from urllib.parse import urlsplit

import gevent

from app.engine.errors import ModelError, Problem
from app.providers.transport.connections import Connections
from app.providers.transport.http1 import MOST_HEAD_BYTES, ProtocolError, parse_head
from app.providers.transport.response import READ_BYTES, Timeouts, UpstreamResponse

log = logging.getLogger(__name__)


class Upstream:
    """The model server at `base_url`. `headers` go with every request; `ca_file` replaces the system's trust store."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str], timeouts: Timeouts, ca_file: str | None = None
    ) -> None:
        url = urlsplit(base_url)
        self._timeouts = timeouts
        self._connections = Connections(url, ca_file, timeouts.connect)
        self._path = url.path.rstrip("/")
        self._head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": url.netloc, **headers}.items())

    def post(self, path: str, body: bytes) -> UpstreamResponse:
        """Send JSON to `path` below the base URL; returns when the response's head has come, whatever its status.

        Raises ModelError: UPSTREAM_TIMEOUT where that takes longer than `connect` and `first_token` together, else
        UPSTREAM_FAILED where the server cannot be reached or does not speak HTTP.
        """
        head = (
            f"POST {self._connections.request_prefix}{self._path}{path} HTTP/1.1\r\n{self._head}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            with gevent.Timeout(self._timeouts.connect + self._timeouts.first_token):
                return self._exchange(head.encode("latin-1") + body)
        except (gevent.Timeout, TimeoutError) as error:
            raise ModelError(Problem.UPSTREAM_TIMEOUT) from error
        except (OSError, ProtocolError) as error:
            log.warning("model server cannot be reached: %s", error)
            raise ModelError(Problem.UPSTREAM_FAILED) from error

    def _exchange(self, request: bytes) -> UpstreamResponse:
        while True:
            connection, used = self._connections.take()
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
                return UpstreamResponse(self._connections, self._timeouts, connection, status, headers, rest)
            except (gevent.Timeout, TimeoutError):
                connection.close()
                if used:  # a router between us may have forgotten it, and then those that were idle for longer too
                    self._connections.close_idle(before=taken)
                raise
            except (OSError, ProtocolError):
                connection.close()
                if not used or data:
                    raise
                # The server closed the idle connection just as we used it: try another one.
            except BaseException:
                connection.close()
                raise
