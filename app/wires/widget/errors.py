"""Failures in this wire's words."""

from collections.abc import Mapping

from app.engine.errors import ChatError, Problem

_WORDS = {
    Problem.INVALID: "Invalid request payload",
    Problem.MALFORMED: "Invalid request payload",
    Problem.MESSAGE_NOT_FOUND: Problem.NOT_FOUND.message,
    Problem.INTERNAL: "Internal server error",
}


def error_body(error: ChatError) -> Mapping[str, str]:
    """Fixed words, whatever went wrong in detail: widgets show them to visitors."""
    return {"error": _WORDS.get(error.problem, error.problem.message)}
