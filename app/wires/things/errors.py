"""Failures in this wire's words."""

from collections.abc import Mapping
from typing import Any

from app.engine.errors import ChatError, Problem

_WORDS = {Problem.UNAUTHORIZED: "Access denied: invalid authentication token."}


def error_body(error: ChatError) -> Mapping[str, Any]:
    return {"code": error.problem.status, "message": _WORDS.get(error.problem, error.message)}
