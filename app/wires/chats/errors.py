"""Failures in this wire's words: the status's name before the first byte, a code of its own in a stream."""

from collections.abc import Mapping

from werkzeug.http import HTTP_STATUS_CODES

from app.engine.errors import ChatError, Problem

_CODES = {
    Problem.BUSY: "WORKFLOW_RUN_IN_PROGRESS",  # the only 409 of a chat that the wire's clients know
    Problem.CHANGED: "CONFLICT",
    Problem.LEFT: "Client Closed Request",  # no status of HTTP
}
_IN_STREAM = {
    Problem.UPSTREAM_FAILED: "MODEL_UNAVAILABLE",
    Problem.OVERLOADED: "MODEL_UNAVAILABLE",
    Problem.UPSTREAM_TIMEOUT: "MODEL_TIMEOUT",
    Problem.INTERNAL: "INTERNAL_ERROR",
}


def error_body(error: ChatError) -> Mapping[str, str]:
    problem = error.problem
    return {"error": _CODES.get(problem) or HTTP_STATUS_CODES[problem.status], "message": _words(error)}


def event_code(error: ChatError) -> str:
    """What a failure is called in a stream."""
    return _IN_STREAM.get(error.problem, error.problem.name)


def _words(error: ChatError) -> str:
    default = error.message == error.problem.message
    return "Valid session required" if default and error.problem is Problem.UNAUTHORIZED else error.message
