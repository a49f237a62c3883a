"""Failures in Anthropic's words (its API reference, "Errors"): the same before the first byte and in a stream."""

from collections.abc import Mapping
from typing import Any

from flask import g

from app.engine.errors import ChatError

_KINDS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def error_body(error: ChatError) -> Mapping[str, Any]:
    return {"type": "error", "error": failure(error), "request_id": g.get("request_id")}


def failure(error: ChatError) -> Mapping[str, str]:
    status = error.problem.status
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return {"type": kind, "message": error.message}
