"""Every failure before the first byte, in the words of the wire whose path it happened on."""

import logging
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from app.engine.errors import ChatError, Problem
from app.web.callers.credentials import BearerKey
from app.web.responses.framing import json_response
from app.web.responses.retries import vendors_retry_headers
from app.web.services import services

log = logging.getLogger(__name__)

MOST_BYTES = 8192  # of the body of an error, whatever was sent
RETRY_SECONDS = 5  # the Retry-After where nobody knows when there is room again

_BY_STATUS = {404: Problem.NOT_FOUND, 405: Problem.METHOD_NOT_ALLOWED, 413: Problem.TOO_LARGE, 500: Problem.INTERNAL}


def handle_errors(app: Flask) -> None:
    """Every failure becomes a response in the wire's words. What is no ChatError is logged, and reads as internal."""
    app.register_error_handler(ChatError, error_response)
    app.register_error_handler(HTTPException, _flask_refuses)
    app.register_error_handler(Exception, _unexpected)


def error_response(error: ChatError) -> Response:
    """The status, the body in the words of the wire that owns the path, and the headers that go with them."""
    shared = services()
    wire = shared.wire_of(request.path)
    if shared.figures:
        shared.figures.count_refusal(wire.name if wire else None, error)
    response = _bounded(error, wire.error_body if wire else _default_body)
    no_room = error.problem.status in (429, 503)
    wait = RETRY_SECONDS if no_room and error.retry_after is None else error.retry_after
    if wire and wire.for_vendors_clients:
        response.headers.update(vendors_retry_headers(error.problem, wait))
    elif wait is not None:
        response.headers["Retry-After"] = str(wait)
    if error.problem is Problem.UNAUTHORIZED and wire and any(isinstance(c, BearerKey) for c in wire.credentials):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _default_body(error: ChatError) -> Mapping[str, Any]:
    return {"error": error.message}


def _bounded(error: ChatError, body: Callable[[ChatError], Mapping[str, Any]]) -> Response:
    """Where the body would have more than MOST_BYTES: with half of the words and fields, or half of these."""
    response = json_response(body(error), error.problem.status)
    while len(response.get_data()) > MOST_BYTES:
        error.message = f"{error.message[: len(error.message) // 2]}…"
        error.fields = dict(islice(error.fields.items(), len(error.fields) // 2))
        response = json_response(body(error), error.problem.status)
    return response


def _flask_refuses(error: HTTPException) -> Response:
    """What Flask itself refuses: an unknown path, a wrong method."""
    response = error_response(ChatError(_BY_STATUS.get(error.code or 500, Problem.INVALID)))
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _unexpected(error: Exception) -> Response:
    log.error("request failed", exc_info=error, extra={"request_id": g.get("request_id")})
    return error_response(ChatError(Problem.INTERNAL))
