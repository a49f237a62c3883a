"""A turn as Workers AI's server-sent events, and the [DONE] that ends them all."""

from collections.abc import Mapping
from typing import Any

from app.engine.events import Batch, Event, TextDelta, ToolCalled, TurnFailed, TurnFinished
from app.engine.messages import FinishReason, Usage
from app.store.answer_states import AnswerState
from app.web.requests.caller_tools import IsCallers
from app.web.responses.framing import SSE, SSE_KEEP_ALIVE, regex_string, sse, sse_json

_DONE = sse(b"[DONE]")


class WorkersEncoder:
    """Implements `Encoder`. `is_shown` tells which calls are."""

    content_type = SSE

    def __init__(self, is_shown: IsCallers) -> None:
        self._is_shown = is_shown

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return SSE_KEEP_ALIVE
        return b"".join([_token(event.text) if type(event) is TextDelta else self._frame(event) for event in batch])

    def _frame(self, event: Event) -> bytes:
        """Each has a `response`: @langchain/cloudflare 1.1.0 shows "undefined" for an event without one."""
        match event:
            case ToolCalled(_, name, args) if self._is_shown(event):
                return sse_json(response="", tool_calls=[tool_call(name, args)])
            case TurnFinished(_, reason, usage):
                return sse_json(response="", usage=usage_body(usage), finish_reason=finish_reason(reason)) + _DONE
            case TurnFailed(error):
                return sse_json(response="", error=error.message, finish_reason="error") + _DONE
        return b""


def _token(text: str) -> bytes:
    return b'data: {"response":' + regex_string(text) + b"}\n\n"


def finish_reason(reason: FinishReason) -> str:
    """In the API's words, which are OpenAI's."""
    return reason.replace("-", "_")


def tool_call(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "arguments": dict(args)}


def stopped(state: AnswerState) -> dict[str, Any]:
    """How an answer stands that somebody has asked to end."""
    kept = {"id": state.id, "status": state.status, "response": state.message.text}
    return {**kept, "usage": usage_body(state.usage), "credits": state.credits}


def usage_body(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
