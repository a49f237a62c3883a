"""One id and one log line for each request, and the headers that every response carries."""

import logging
import re
import uuid
from time import monotonic

from flask import Flask, Response, g, request
from flask.globals import request_ctx
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import Rule

log = logging.getLogger(__name__)

REFUSED_PER_SECOND = 20  # lines of requests that were refused for want of room; who floods must not fill the disk
LONGEST_PATH = 200

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PARAMETER = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")


class RefusedLines:
    """Which lines of refused requests are written: the first REFUSED_PER_SECOND in each second (monotonic clock)."""

    def __init__(self) -> None:
        self._second = self._written = self._left_out = 0

    def admit(self) -> int | None:
        """None where this line is left out; else how many were since the last that was not."""
        if self._second != int(monotonic()):
            self._second, self._written = int(monotonic()), 0
        if self._written == REFUSED_PER_SECOND:
            self._left_out += 1
            return None
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        return left_out


def log_requests(app: Flask) -> None:
    """Give each request an id (its own `x-request-id`, if that is one), and write one line of log when its response has
    been sent or its caller has left. `seconds` in it is by the monotonic clock."""
    refused = RefusedLines()

    @app.before_request
    def identify_request() -> None:
        own_id = request.headers.get("x-request-id", "")
        g.request_id = own_id if _ID.fullmatch(own_id) else uuid.uuid4().hex
        g.started = monotonic()

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["x-request-id"] = g.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        started, status = g.started, response.status_code
        left_out = refused.admit() if status in (429, 503) else 0
        if left_out is None:
            return response
        fields = {
            "request_id": g.request_id,
            "method": request.method,
            "path": logged_path(),
            "status": status,
            "address": request.remote_addr,
            **({"left_out": left_out} if left_out else {}),
        }
        response.call_on_close(lambda: log.info("request", extra=fields | {"seconds": round(monotonic() - started, 4)}))
        return response


def logged_path() -> str:
    """The request's path with the names of its parameters in place of their values, which may name people; of a path
    that leads nowhere its first LONGEST_PATH characters."""
    rule = request.url_rule or _rule_of_other_method()
    return _PARAMETER.sub(r"{\1}", rule.rule) if rule else request.path[:LONGEST_PATH]


def _rule_of_other_method() -> Rule | None:
    """Where the path leads with another method than the request's."""
    error, adapter = request.routing_exception, request_ctx.url_adapter
    if isinstance(error, MethodNotAllowed) and error.valid_methods and adapter:
        rule, _ = adapter.match(method=next(iter(error.valid_methods)), return_rule=True)
        return rule
    return None
