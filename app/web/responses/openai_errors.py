"""Failures in OpenAI's words (its API reference, "Errors"): before the first byte the whole body, in a stream an event,
on which its clients raise."""

import re
from collections.abc import Mapping
from typing import Any

from app.engine.errors import ChatError, Problem

_CODES = {
    Problem.UNAUTHORIZED: "invalid_api_key",
    Problem.EXHAUSTED: "insufficient_quota",
    Problem.LIMITED: "rate_limit_exceeded",
}
_KINDS = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error", 429: "rate_limit_error"}
_INDEX = re.compile(r"\.(\d+)")


class NamedError(ChatError):
    """With the `code` that OpenAI's API has for it, where that says more than the problem does."""

    def __init__(self, problem: Problem, code: str, message: str, field: str) -> None:
        super().__init__(problem, message, fields={field: message})
        self.code = code


def error_body(error: ChatError) -> Mapping[str, Any]:
    """`param` is the first part of the request that is wrong, such as `messages[0].content`."""
    status, place = error.problem.status, next(iter(error.fields), None)
    return {
        "error": {
            "message": error.message,
            "type": _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error"),
            "param": _INDEX.sub(r"[\1]", place) if place else None,
            "code": error_code(error),
        }
    }


def error_code(error: ChatError) -> str:
    return error.code if isinstance(error, NamedError) else _CODES.get(error.problem, error.problem.name.lower())
