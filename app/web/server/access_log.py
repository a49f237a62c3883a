"""One id and one log line for each request, and the headers that every response carries."""

import logging
import re
import uuid
from time import monotonic

from flask import Flask, Response, g, request
from flask.globals import request_ctx
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import Rule

from app.web.routing import current_operation
from app.web.server.line_cap import LineCap

log = logging.getLogger(__name__)

LONGEST_PATH = 200

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PARAMETER = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")


def log_requests(app: Flask) -> None:
    """Give each request an id (its own `x-request-id`, if that is one), and write one line of log when its response has
    been sent or its caller has left. `seconds` in it is by the monotonic clock.

    Requests that are refused for want of room, and those to no operation of a wire, can be sent without end: of their
    lines there are so many as a LineCap admits."""
    refused = LineCap(lambda left_out: log.info("requests refused", extra={"left_out": left_out}))
    others = LineCap(lambda left_out: log.info("other requests", extra={"left_out": left_out}))

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
        cap = refused if status in (429, 503) else None if current_operation() else others
        if cap and not cap.admit():
            return response
        fields = {
            "request_id": g.request_id,
            "method": request.method,
            "path": logged_path(),
            "status": status,
            "address": request.remote_addr,
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
