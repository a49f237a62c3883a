"""Responses that are stored: found for their owner, told as they stand, gone on from."""

from collections.abc import Sequence
from typing import Any

from app.engine.errors import ChatError, Problem
from app.engine.events import ToolCalled, TurnFailed
from app.engine.messages import Message, Part
from app.store.answer_states import AnswerState
from app.store.histories import HistoryScope
from app.web.requests.call import Call
from app.web.requests.caller_tools import IsCallers
from app.web.requests.question import MOST_MESSAGES
from app.web.requests.sealed import Seal, sealer
from app.web.responses.openai_errors import NamedError, error_code
from app.web.services import services
from app.wires.responses.items import Item, answer_of_item, identified, input_items, output_items
from app.wires.responses.resource import PREFIX, Asked, incomplete_reason

WIRE = "responses"


def stored_response(call: Call, response_id: str) -> tuple[AnswerState, Asked]:
    """Raises ChatError(NOT_FOUND) for another key's, for one that is deleted or was never stored, and for none."""
    found = _answer(call, response_id.removeprefix(PREFIX)) if response_id.startswith(PREFIX) else None
    if found is None:
        raise ChatError(Problem.NOT_FOUND)
    return found


def previous_response(call: Call, response_id: str) -> AnswerState:
    """Raises ChatError: NOT_FOUND, or INVALID while it is being answered."""
    field = "previous_response_id"
    try:
        answer, _ = stored_response(call, response_id)
    except ChatError as error:
        if error.problem is not Problem.NOT_FOUND:
            raise
        words = f"Previous response with id {response_id[:100]!r} not found."
        raise NamedError(Problem.NOT_FOUND, "previous_response_not_found", words, field) from error
    if answer.status == "running":
        raise NamedError(Problem.INVALID, "previous_response_not_completed", "It is still being answered.", field)
    return answer


def referenced_part(call: Call, item_id: str, place: str) -> Part:
    """What the item of a stored response says. Raises ChatError(NOT_FOUND)."""
    answer_id = answer_of_item(item_id)
    found = _answer(call, answer_id) if answer_id else None
    if found:
        answer, asked = found
        parts = answer.message.parts[asked.said_before :]
        for known, part in identified(answer.id, parts, callers_of(asked)):
            if known == item_id:
                return part
    words = f"Item with id {item_id[:100]!r} not found. Items of responses that are not stored cannot be referred to."
    raise NamedError(Problem.NOT_FOUND, "item_not_found", words, place)


def seal_of(asked: Asked) -> Seal | None:
    """While the request is at hand; good for as long as its answer is sent."""
    return sealer() if asked.sealed else None


def callers_of(asked: Asked) -> IsCallers:
    names = {*asked.tools}

    def is_callers(call: ToolCalled) -> bool:
        return call.name in names

    return is_callers


def as_it_stands(answer: AnswerState, asked: Asked) -> dict[str, Any]:
    """The whole response, whatever its state."""
    parts = answer.message.parts[asked.said_before :]
    output = output_items(answer.id, parts, callers_of(asked), seal_of(asked))
    reason, error, status = None, None, "in_progress"
    if answer.status == "complete":
        reason = incomplete_reason(answer.finish_reason)
        status = "incomplete" if reason else "completed"
    elif answer.status == "interrupted" and asked.cancelled:
        status = "cancelled"
    elif answer.status != "running":
        status, last = "failed", answer.last_event
        assert isinstance(last, TurnFailed)
        error = {"code": error_code(last.error), "message": last.error.message}
    return asked.response(
        answer.id,
        answer.created_at,
        status,
        output,
        usage=None if answer.status == "running" else answer.usage,
        error=error,
        incomplete=reason,
        completed_at=answer.updated_at if status == "completed" else None,
    )


def conversation_up_to(answer: AnswerState) -> Sequence[Message]:
    """What was said before the answer, and it."""
    return services().kept_requests.said(answer, MOST_MESSAGES)


def items_of_input(call: Call, answer: AnswerState, asked: Asked) -> list[Item]:
    """What was posted with this request, oldest first; not what came by `previous_response_id`."""
    said = [*services().kept_requests.said(answer, 2 * MOST_MESSAGES + 1)]
    if answer.status != "running" and answer.message.parts:  # it is the last that was said
        del said[-1:]
    if asked.said_before:
        said.append(Message("assistant", answer.message.parts[: asked.said_before]))
    return input_items(answer.id, _brought_now(said, asked), call.caller.agent.tools, sealer())


def _brought_now(said: Sequence[Message], asked: Asked) -> list[Message]:
    systems, others, parts = asked.before
    now = []
    for message in said:
        if message.role == "system":
            systems -= 1
            is_new = systems < 0
        else:
            others -= 1
            is_new = others < 0
            if others == 0 and message.role == "assistant":
                message = Message("assistant", message.parts[parts:])  # noqa: PLW2901 - what the input has added to it
                is_new = bool(message.parts)
        if is_new:
            now.append(message)
    return now


def _answer(call: Call, answer_id: str) -> tuple[AnswerState, Asked] | None:
    scope = HistoryScope(call.caller.agent.id, WIRE, call.caller.owner)
    try:
        answer = services().answers.named(scope, answer_id)
    except ChatError as error:
        if error.problem is Problem.NOT_FOUND:
            return None
        raise
    return (answer, Asked.kept(answer.request)) if answer.request else None
