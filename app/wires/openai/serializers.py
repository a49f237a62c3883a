"""What is replied in one piece."""

from collections.abc import Sequence
from typing import Any

from app.engine.events import ToolCalled, TurnFinished, TurnStarted
from app.engine.messages import Message, ReasoningPart, ToolCallPart
from app.store.answer_states import AnswerState
from app.web.requests.caller_tools import IsCallers
from app.wires.openai.encoder import completion_id, finish_reason, tool_call, usage_body

_UNKNOWN = "1970-01-01T00:00:00Z"  # when a model was released, as Anthropic's API says it where that is not known


def completion(
    model: str, said: Message, started: TurnStarted, finished: TurnFinished, is_callers: IsCallers
) -> dict[str, Any]:
    calls = [
        tool_call(part.call_id, part.name, part.args)
        for part in said.parts
        if isinstance(part, ToolCallPart) and is_callers(ToolCalled(part.call_id, part.name, part.args))
    ]
    thoughts = "".join(part.text for part in said.parts if isinstance(part, ReasoningPart) and part.shown)
    message = {
        "role": "assistant",
        "content": said.text or (None if calls else ""),
        "refusal": None,
        "annotations": [],
        **({"reasoning_content": thoughts} if thoughts else {}),
        **({"tool_calls": calls} if calls else {}),
    }
    reason = finish_reason(finished.finish_reason)
    return {
        "id": completion_id(started.answer_id),
        "object": "chat.completion",
        "created": started.created_at // 1000,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": usage_body(finished.usage),
    }


def stopped(state: AnswerState) -> dict[str, Any]:
    """How an answer stands that somebody has asked to end."""
    return {
        "id": completion_id(state.id),
        "status": state.status,
        "content": state.message.text,
        "usage": usage_body(state.usage),
        "credits": state.credits,
    }


def model_entry(name: str) -> dict[str, Any]:
    """As OpenAI's API has it, and as Anthropic's, whose clients ask at the same address."""
    ours = {"id": name, "object": "model", "created": 0, "owned_by": "parlance"}
    return {**ours, "type": "model", "display_name": name, "created_at": _UNKNOWN}


def model_list(names: Sequence[str]) -> dict[str, Any]:
    entries = [model_entry(name) for name in names]
    return {
        "object": "list",
        "data": entries,
        "has_more": False,
        "first_id": names[0],
        "last_id": names[-1],
    }
