"""Failures in this wire's words: the status's name before the first byte, a code of its own in a stream."""

from collections.abc import Mapping

from werkzeug.http import HTTP_STATUS_CODES

from app.engine.errors import ChatError, Problem
from app.web.callers.origins import OTHER_SITE

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


WRONG_PAIR = "Invalid email or password"
WRONG_CALLBACK = "Invalid callbackURL"
SIGN_UP_CLOSED = "Sign-up is closed"
# What better-auth's server calls it, by what is said of it here.
_BETTER_AUTH = {
    WRONG_PAIR: "INVALID_EMAIL_OR_PASSWORD",
    WRONG_CALLBACK: "INVALID_CALLBACK_URL",
    SIGN_UP_CLOSED: "EMAIL_PASSWORD_SIGN_UP_DISABLED",
    OTHER_SITE: "INVALID_ORIGIN",
    Problem.TAKEN.message: "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
    "password: Shorter than minimum length 8.": "PASSWORD_TOO_SHORT",
    "password: Longer than maximum length 1024.": "PASSWORD_TOO_LONG",
    "email: Not an e-mail address.": "INVALID_EMAIL",
}


def error_body(error: ChatError) -> Mapping[str, str]:
    problem = error.problem
    name = _CODES.get(problem) or HTTP_STATUS_CODES[problem.status]
    return {"error": name, "code": _code(error, name), "message": _words(error)}


def _code(error: ChatError, name: str) -> str:
    """In capitals, for programs."""
    default = "VALIDATION_ERROR" if error.problem is Problem.INVALID else name.upper().replace(" ", "_")
    return _BETTER_AUTH.get(error.message, default)


def event_code(error: ChatError) -> str:
    """What a failure is called in a stream."""
    return _IN_STREAM.get(error.problem, error.problem.name)


def _words(error: ChatError) -> str:
    default = error.message == error.problem.message
    return "Valid session required" if default and error.problem is Problem.UNAUTHORIZED else error.message
