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


NO_THREADS = "Conversations are not kept under a name: post the whole of them."
# By which anthropic 2.14.0 (PyPI; lib/threads/_thread_state.py) knows that it is to go on without them.
_UNTHREADED = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


def error_body(error: ChatError) -> Mapping[str, Any]:
    return {"type": "error", "error": failure(error), "request_id": g.get("request_id")}


def failure(error: ChatError) -> Mapping[str, Any]:
    status = error.problem.status
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    details = {"details": _UNTHREADED} if error.fields.get("thread") == NO_THREADS else {}
    return {"type": kind, "message": error.message, **details}
