"""A turn as Anthropic's events (its API reference, "Streaming messages"): blocks that start, go on and stop, within a
message that does. Each has an `event` line: its npm client dispatches by that."""

from collections.abc import Mapping
from typing import Any

import orjson

from app.engine.events import (
    Batch,
    Event,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.messages import FinishReason, Usage
from app.web.requests.caller_tools import IsCallers
from app.web.requests.sealed import Seal
from app.web.responses.framing import SSE, SSE_KEEP_ALIVE, json_bytes, json_text
from app.wires.messages.errors import failure

_REASONS: Mapping[FinishReason, str] = {
    "length": "max_tokens",
    "tool-calls": "tool_use",
    "content-filter": "refusal",
}
NO_DETAILS: Mapping[str, None] = {"stop_details": None, "container": None}
"""What a message has besides, and what its end repeats: the API's description wants all fields to be there."""

_NO_COUNTS: Mapping[str, None] = {
    "cache_creation": None,
    "cache_creation_input_tokens": None,
    "cache_read_input_tokens": None,
    "inference_geo": None,
    "output_tokens_details": None,
    "server_tool_use": None,
    "service_tier": None,
}


class MessageEncoder:
    """Implements `Encoder`. `model` is what the caller has called it; `input_tokens` are estimated, since the count is
    known at the end only. Calls of tools that run here are not told: clients would try to run them. `seal` makes the
    signatures of thoughts, for who is shown them."""

    content_type = SSE

    def __init__(
        self,
        model: str,
        is_callers: IsCallers,
        *,
        input_tokens: int,
        shows_thoughts: bool,
        seal: Seal = lambda _: "",
    ) -> None:
        self._model, self._is_callers, self._input_tokens = model, is_callers, input_tokens
        self._shows_thoughts, self._sealed = shows_thoughts, seal
        self._block = -1  # the one that is open, or was last
        self._before_text = _before_text(0)

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return SSE_KEEP_ALIVE
        frames = [
            self._before_text + json_text(event.text) + b"}}\n\n" if type(event) is TextDelta else self._frame(event)
            for event in batch
        ]
        return b"".join(frames)

    def _frame(self, event: Event) -> bytes:  # noqa: PLR0911 - a line or two for each kind
        match event:
            case TurnStarted(answer_id=answer_id):
                return self._start(answer_id)
            case TextStarted():
                self._before_text = _before_text(self._block + 1)
                return self._open(text_block(""))
            case TextEnded():
                return self._stop()
            case ToolCalled(call_id, name, args) if self._is_callers(event):
                block = call_block(call_id, name, {})
                said = {"type": "input_json_delta", "partial_json": orjson.dumps(dict(args)).decode()}
                return self._open(block) + self._delta(said) + self._stop()
            case TurnFinished(_, reason, usage):
                delta = {"stop_reason": stop_reason(reason), "stop_sequence": None, **NO_DETAILS}
                return _event("message_delta", delta=delta, usage=usage_body(usage)) + _event("message_stop")
            case TurnFailed(error):
                return _event("error", error=failure(error))
        return self._thought(event) if self._shows_thoughts else b""

    def _thought(self, event: Event) -> bytes:
        match event:
            case ReasoningStarted():
                return self._open({"type": "thinking", "thinking": "", "signature": ""})
            case ReasoningDelta(text):
                return self._delta({"type": "thinking_delta", "thinking": text})
            case ReasoningEnded(_, metadata):
                signature = {"type": "signature_delta", "signature": self._sealed(metadata)} if metadata else None
                return (self._delta(signature) if signature else b"") + self._stop()
        return b""

    def _start(self, answer_id: str) -> bytes:
        usage = usage_body(Usage(self._input_tokens, 1))
        message = {**message_head(answer_id, self._model), "content": [], "stop_reason": None, "stop_sequence": None}
        return _event("message_start", message={**message, "usage": usage})

    def _open(self, block: Mapping[str, Any]) -> bytes:
        self._block += 1
        return _event("content_block_start", index=self._block, content_block=block)

    def _delta(self, delta: Mapping[str, Any]) -> bytes:
        return _event("content_block_delta", index=self._block, delta=delta)

    def _stop(self) -> bytes:
        return _event("content_block_stop", index=self._block)


def _before_text(block: int) -> bytes:
    """What stands before each text of a block: the same for all of them."""
    head = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":'
    return head % block + b'{"type":"text_delta","text":'


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json_bytes({"type": kind, **fields}))


def message_head(answer_id: str, model: str) -> dict[str, Any]:
    return {"id": f"msg_{answer_id}", "type": "message", "role": "assistant", "model": model, **NO_DETAILS}


def text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "citations": None}


def call_block(call_id: str, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """`direct`: the model calls, not a program of its."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": dict(args), "caller": {"type": "direct"}}


def stop_reason(reason: FinishReason) -> str:
    """One of those that the API has. Which text has ended an answer is not known: models' servers seldom say."""
    return _REASONS.get(reason, "end_turn")


def usage_body(usage: Usage) -> dict[str, int | None]:
    return {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens, **_NO_COUNTS}
