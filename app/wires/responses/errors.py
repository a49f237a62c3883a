"""Failures in Open Responses' words, which are OpenAI's: before the first byte, and in a stream."""

from collections.abc import Mapping
from typing import Any

from app.engine.errors import ChatError
from app.web.responses import openai_errors


def error_body(error: ChatError) -> Mapping[str, Any]:
    """`param` is "" where no part of the request is wrong: OpenAI's API has null or a text there, and
    `@ai-sdk/open-responses` 2.0.36 (npm) takes an error for none where it is no text."""
    told = openai_errors.error_body(error)["error"]
    return {"error": {**told, "param": told["param"] or ""}}
