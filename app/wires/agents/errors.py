"""Failures in this wire's codes."""

from collections.abc import Mapping
from typing import Any

from flask import request

from app.engine.errors import ChatError, Problem

_CODES = {
    Problem.INVALID: "VALIDATION_INVALID_BODY",
    Problem.MALFORMED: "VALIDATION_INVALID_JSON",
    Problem.NOT_ONGOING: "CHAT_CONVERSATION_NOT_ONGOING",
    Problem.UNAUTHORIZED: "AUTH_INVALID_API_KEY",
    Problem.EXHAUSTED: "CHAT_CREDITS_EXHAUSTED",
    Problem.FORBIDDEN: "AUTH_INSUFFICIENT_PERMISSIONS",
    Problem.NOT_FOUND: "RESOURCE_NOT_FOUND",
    Problem.MODEL_NOT_FOUND: "RESOURCE_NOT_FOUND",
    Problem.MESSAGE_NOT_FOUND: "CHAT_RETRY_MESSAGE_NOT_FOUND",
    Problem.METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
    Problem.BODY_TIMEOUT: "VALIDATION_BODY_TIMEOUT",
    Problem.TAKEN: "RESOURCE_TAKEN",
    Problem.BUSY: "CHAT_CONVERSATION_BUSY",
    Problem.CHANGED: "RESOURCE_CHANGED",
    Problem.REUSED: "REQUEST_IDEMPOTENCY_KEY_REUSED",
    Problem.STOPPED: "CHAT_STOPPED",
    Problem.TOO_LARGE: "VALIDATION_BODY_TOO_LARGE",
    Problem.UNSUPPORTED_TYPE: "VALIDATION_UNSUPPORTED_MEDIA_TYPE",
    Problem.MISDIRECTED: "REQUEST_MISDIRECTED",
    Problem.NOT_AN_ANSWER: "RESOURCE_MESSAGE_NOT_ASSISTANT",
    Problem.LIMITED: "RATE_LIMIT_TOO_MANY_REQUESTS",
    Problem.LEFT: "REQUEST_CANCELLED",
    Problem.INTERNAL: "INTERNAL_SERVER_ERROR",
    Problem.TOOL_LOOP: "CHAT_TOOL_LOOP",
    Problem.WORKFLOW_FAILED: "CHAT_WORKFLOW_FAILED",
    Problem.BROKEN_OFF: "CHAT_BROKEN_OFF",
    Problem.UPSTREAM_FAILED: "CHAT_MODEL_FAILED",
    Problem.LOST: "CHAT_ANSWER_LOST",
    Problem.OVERLOADED: "SERVICE_OVERLOADED",
    Problem.STORE_UNAVAILABLE: "SERVICE_UNAVAILABLE",
    Problem.WORKFLOW_LIMIT: "CHAT_WORKFLOW_LIMIT",
    Problem.UPSTREAM_TIMEOUT: "CHAT_MODEL_TIMEOUT",
}


class CodedError(ChatError):
    """A failure whose code says more than its kind does."""

    def __init__(self, problem: Problem, code: str, message: str) -> None:
        self.code = code
        super().__init__(problem, message)


def error_body(error: ChatError) -> Mapping[str, Any]:
    code = error.code if isinstance(error, CodedError) else _CODES[error.problem]
    if error.problem is Problem.UNAUTHORIZED and "Authorization" not in request.headers:
        code = "AUTH_MISSING_API_KEY"
    details = {"details": error.fields} if error.fields else {}
    return {"error": {"code": code, "message": error.message, **details}}
