"""One id and one log line for each request, and the headers that every response carries."""

import logging
import re
import uuid
from time import monotonic

from flask import Flask, Response, g, request

from app.engine.errors import ChatError, Problem

log = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def account_for_requests(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        given = request.headers.get("x-request-id", "")
        g.request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        g.started = monotonic()
        if request.environ["PATH_INFO"].startswith("//"):
            raise ChatError(Problem.NOT_FOUND)  # the router would take it for a path with one slash

    @app.after_request
    def end(response: Response) -> Response:
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
