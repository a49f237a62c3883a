"""A turn as chunks of a completion (OpenAI's API reference, "Streaming"), and the [DONE] that ends them all."""

from collections.abc import Mapping
from typing import Any

import orjson

from app.engine.errors import ChatError
from app.engine.events import (
    Batch,
    Event,
    ReasoningDelta,
    TextDelta,
    ToolCalled,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.messages import FinishReason, Usage
from app.web.requests.caller_tools import IsCallers
from app.web.responses.framing import SSE, SSE_KEEP_ALIVE, json_bytes, json_text, sse
from app.web.responses.openai_errors import error_body

_DONE = sse(b"[DONE]")
_REASONS: Mapping[FinishReason, str] = {
    "length": "length",
    "tool-calls": "tool_calls",
    "content-filter": "content_filter",
}


class CompletionEncoder:
    """Implements `Encoder`. `model` is what the caller has called it. Calls of tools that run here are not told:
    clients would try to run them."""

    content_type = SSE

    def __init__(self, model: str, is_callers: IsCallers, *, include_usage: bool = False) -> None:
        self._model, self._is_callers, self._include_usage = model, is_callers, include_usage
        self._calls = 0
        self._started(TurnStarted("", "", ""))  # so that a piece of an answer can be told in any case

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return SSE_KEEP_ALIVE
        frames = [
            self._before_text + json_text(event.text) + self._behind_text
            if type(event) is TextDelta
            else self._frame(event)
            for event in batch
        ]
        return b"".join(frames)

    def _started(self, event: TurnStarted) -> None:
        """The two halves of a token's frame, which are the same for all of them."""
        self._head = {
            "id": completion_id(event.answer_id),
            "object": "chat.completion.chunk",
            "created": event.created_at // 1000,
            "model": self._model,
        }
        before, behind = self._chunk({"content": 0}).split(b'"content":0')
        self._before_text, self._behind_text = before + b'"content":', behind

    def _frame(self, event: Event) -> bytes:
        match event:
            case TurnStarted():
                self._started(event)
                return self._chunk({"role": "assistant", "content": ""})
            case ReasoningDelta(text):
                return self._chunk({"reasoning_content": text})
            case ToolCalled(call_id, name, args) if self._is_callers(event):
                self._calls += 1
                return self._chunk({"tool_calls": [{"index": self._calls - 1, **tool_call(call_id, name, args)}]})
            case TurnFinished(_, reason, usage):
                return self._chunk({}, finish_reason(reason)) + self._usage(usage) + _DONE
            case TurnFailed(error):
                return _failure(error) + _DONE
        return b""

    def _chunk(self, delta: Mapping[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self._include_usage else {}
        return sse(json_bytes({**self._head, "choices": [choice], **usage}))

    def _usage(self, usage: Usage) -> bytes:
        if not self._include_usage:
            return b""
        return sse(json_bytes({**self._head, "choices": [], "usage": usage_body(usage)}))


def _failure(error: ChatError) -> bytes:
    return sse(json_bytes(error_body(error)))


def completion_id(answer_id: str) -> str:
    return f"chatcmpl-{answer_id}"


def finish_reason(reason: FinishReason) -> str:
    """One of those that the API has."""
    return _REASONS.get(reason, "stop")


def tool_call(call_id: str, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments are always the text of an object."""
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": orjson.dumps(dict(args)).decode()},
    }


def usage_body(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
