"""A model server: sends it a request, on a kept or a new connection, and reads the response's head."""

import math
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from itertools import count
from time import monotonic
from urllib.parse import urlsplit

import gevent

from app.engine.errors import ModelError, Problem
from app.engine.exchange import Exchange
from app.providers.transport.connections import Connections
from app.providers.transport.http1 import MOST_HEAD_BYTES, ProtocolError, parse_head
from app.providers.transport.response import READ_BYTES, Timeouts, UpstreamResponse

# The server's own id of a request, by which its people find it: OpenAI's and most, Anthropic's, Azure's, Amazon's,
# Mistral's, LiteLLM's, Cloudflare's.
REQUEST_IDS = (
    *("x-request-id", "request-id", "apim-request-id", "x-ms-request-id", "x-amzn-requestid"),
    *("mistral-correlation-id", "x-litellm-call-id", "cf-ray"),
)
LONGEST_REQUEST_ID = 200


class Upstream:
    """The model server at `base_url`. `headers` go with every request, and so do the caller's id and place in a trace,
    unless they are among them; `ca_file` replaces the system's trust store.

    No two requests that run have the same id: a caller may use its own again at once, the steps of a workflow share
    one, and vLLM takes ids for its own (vllm-project/vllm#10583, #15041). The second gets one that ends in `-2`.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], timeouts: Timeouts, ca_file: str | None = None
    ) -> None:
        url = urlsplit(base_url)
        self._timeouts = timeouts
        self._connections = Connections(url, ca_file, timeouts.connect)
        self._path = url.path.rstrip("/")
        self._configured = {name.lower() for name in headers}
        self._head = self._lines({"Host": url.netloc, "Content-Type": "application/json"}) + _lines(headers)
        self._running: set[str] = set()  # ids of requests

    def post(self, path: str, body: bytes, exchange: Exchange) -> UpstreamResponse:
        """Send JSON to `path` below the base URL; returns when the response's head has come, whatever its status.

        Raises ModelError: UPSTREAM_TIMEOUT where that takes longer than `connect` and `first_token` together, else
        UPSTREAM_FAILED where the server cannot be reached or does not speak HTTP.
        """
        request_id = self._unique(exchange.request_id)
        trace = exchange.trace
        ids = self._lines(
            {"x-request-id": request_id, "traceparent": trace.traceparent, "tracestate": trace.tracestate}
        )
        line = f"POST {self._connections.request_prefix}{self._path}{path} HTTP/1.1"
        head = f"{line}\r\n{self._head}{ids}Content-Length: {len(body)}\r\n\r\n"
        seconds = self._timeouts.connect + self._timeouts.first_token
        try:
            with ExitStack() as failing, gevent.Timeout(seconds) as limit:
                failing.callback(self._running.discard, request_id)
                response = self._exchange(head.encode("latin-1") + body, exchange, request_id)
                failing.pop_all()
                return response
        except gevent.Timeout as error:
            if error is not limit:
                raise  # it is the caller's
            raise ModelError(Problem.UPSTREAM_TIMEOUT, reason=f"no head within {seconds:g} s") from error
        except TimeoutError as error:
            raise ModelError(Problem.UPSTREAM_TIMEOUT, reason=f"no connection in time: {error}") from error
        except (OSError, ProtocolError) as error:
            raise ModelError(Problem.UPSTREAM_FAILED, reason=f"cannot be reached: {error}") from error

    def close(self) -> None:
        """Close the connections that are kept; another request makes a new one."""
        self._connections.close_idle(before=math.inf)

    def _lines(self, headers: Mapping[str, str]) -> str:
        """Those that have a value, and that the configured ones do not replace."""
        return _lines({name: text for name, text in headers.items() if text and name.lower() not in self._configured})

    def _unique(self, request_id: str) -> str:
        """The id, or where a request runs by it, the id with a number behind it; taken from now on."""
        numbered = (f"{request_id}-{number}" if number > 1 else request_id for number in count(1))
        unique = next(each for each in numbered if each not in self._running) if request_id else ""
        self._running.add(unique)
        return unique

    def _exchange(self, request: bytes, exchange: Exchange, request_id: str) -> UpstreamResponse:
        while True:
            connection, used = self._connections.take(exchange)
            exchange.enter("head")
            taken, data = monotonic(), b""
            released = partial(self._running.discard, request_id)
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
                exchange.enter("first_chunk" if status == 200 else "refusal")
                exchange.server_request_id = _request_id(headers)
                return UpstreamResponse(self._connections, self._timeouts, connection, status, headers, rest, released)
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


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def _request_id(headers: Mapping[str, str]) -> str:
    return next((headers[name] for name in REQUEST_IDS if headers.get(name)), "")[:LONGEST_REQUEST_ID]
