"""One id and one log line for each request, and the headers that every response carries."""

import logging
import re
import uuid
from time import monotonic

from flask import Flask, Response, g, request

log = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def log_requests(app: Flask) -> None:
    """Give each request an id (its own `x-request-id`, if that is one), and write one line of log when its response has
    been sent or its caller has left. `seconds` in it is by the monotonic clock."""

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
        started = g.started
        fields = {
            "request_id": g.request_id,
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            "address": request.remote_addr,
        }
        response.call_on_close(lambda: log.info("request", extra=fields | {"seconds": round(monotonic() - started, 4)}))
        return response
