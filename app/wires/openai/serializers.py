"""What is replied in one piece."""

from collections.abc import Sequence
from typing import Any

from app.engine.events import ToolCalled, TurnFinished, TurnStarted
from app.engine.messages import Message, ReasoningPart, ToolCallPart
from app.store.answer_states import AnswerState
from app.web.requests.caller_tools import IsCallers
from app.web.requests.query import invalid
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


def model_page(
    names: Sequence[str], limit: int, *, after: str | None = None, before: str | None = None
) -> dict[str, Any]:
    """The first ones behind `after`, or the last ones before `before`. `has_more` is whether there are others in that
    direction. Raises ChatError(INVALID) where there is none of that name."""
    begin = _place(names, "after_id", after) + 1 if after is not None else 0
    end = _place(names, "before_id", before) if before is not None else len(names)
    between = names[begin:end]
    page = between[:limit] if before is None else between[-limit:]
    return {
        "object": "list",
        "data": [model_entry(name) for name in page],
        "has_more": len(page) < len(between),
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }


def _place(names: Sequence[str], parameter: str, name: str) -> int:
    if name not in names:
        raise invalid([(parameter, "There is no such model in the list.")])
    return names.index(name)
