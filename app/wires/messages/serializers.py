"""What is replied in one piece."""

from collections.abc import Iterator
from typing import Any

from app.engine.events import ToolCalled, TurnFinished, TurnStarted
from app.engine.messages import Message, ReasoningPart, TextPart, ToolCallPart
from app.store.answer_states import AnswerState
from app.web.requests.caller_tools import IsCallers
from app.web.requests.sealed import sealed
from app.wires.messages.encoder import call_block, message_head, stop_reason, text_block, usage_body


def whole_message(
    model: str,
    said: Message,
    started: TurnStarted,
    finished: TurnFinished,
    is_callers: IsCallers,
    *,
    shows_thoughts: bool,
) -> dict[str, Any]:
    return {
        **message_head(started.answer_id, model),
        "content": [*_blocks(said, is_callers, shows_thoughts=shows_thoughts)],
        "stop_reason": stop_reason(finished.finish_reason),
        "stop_sequence": None,
        "usage": usage_body(finished.usage),
    }


def _blocks(said: Message, is_callers: IsCallers, *, shows_thoughts: bool) -> Iterator[dict[str, Any]]:
    for part in said.parts:
        match part:
            case TextPart(text):
                yield text_block(text)
            case ToolCallPart(call_id, name, args) if is_callers(ToolCalled(call_id, name, args)):
                yield call_block(call_id, name, args)
            case ReasoningPart(text, metadata, shown=True) if shows_thoughts:
                yield {"type": "thinking", "thinking": text, "signature": sealed(metadata) if metadata else ""}


def stopped(state: AnswerState) -> dict[str, Any]:
    """How an answer stands that somebody has asked to end."""
    return {
        "id": f"msg_{state.id}",
        "status": state.status,
        "content": [text_block(state.message.text)],
        "usage": usage_body(state.usage),
        "credits": state.credits,
    }
