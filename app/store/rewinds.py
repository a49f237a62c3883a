"""Rewinds of a conversation: edited questions, retried and resumed answers. The engine's `Rewind` has the rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from app.engine.conversation import Rewind
from app.engine.errors import ChatError, Problem
from app.engine.messages import Message, ToolCallPart, ToolResultPart
from app.store import parts
from app.store.tables import messages


@dataclass(frozen=True, slots=True)
class RewindResult:
    """The question to be answered (again).

    `resumed` is the answer that goes on, if one does: its id and what it has said so far, with the tools' results;
    `cost_before` is what it has cost until then, in credits.
    """

    question_id: str
    resumed: tuple[str, Message] | None = None
    cost_before: int = 0


def apply_rewind(
    connection: Connection, conversation_id: str, rewind: Rewind, new: Mapping[str, Message]
) -> RewindResult | None:
    """Supersede what makes room; returns None where the new messages (by id) are then to be appended.

    Raises ChatError: MESSAGE_NOT_FOUND, or INVALID where a resumed answer lacks results or waits for none.
    """
    if rewind.kind == "resume":
        return _resume(connection, conversation_id, rewind)
    if rewind.kind == "repeat":
        return _repeat(connection, conversation_id, [message.text for message in new.values()])
    row = _first_match(connection, conversation_id, rewind.message_ids)
    if rewind.kind == "retry" and (row is None or row.role != "assistant"):
        raise ChatError(Problem.MESSAGE_NOT_FOUND)
    if row is None:
        return None
    if rewind.kind == "edit":
        if row.role == "user":
            _supersede(connection, conversation_id, row.sequence)
        return None
    question = row if row.role == "user" else _question_before(connection, conversation_id, row.sequence)
    _supersede(connection, conversation_id, question.sequence + 1)
    return RewindResult(question.id)


def extend_answer(connection: Connection, row: Mapping[str, Any]) -> None:
    """Replace a resumed answer's row by this one, which has its id; tokens and credits are added up."""
    added = ("prompt_tokens", "completion_tokens", "credits")
    values: dict[str, Any] = {name: value for name, value in row.items() if name not in ("id", *added)}
    for name in added:
        values[name] = func.coalesce(messages.c[name], 0) + row[name]
    connection.execute(update(messages).where(messages.c.id == row["id"]).values(values))


def _active(conversation_id: str) -> Any:
    """A query for the messages that are not superseded."""
    return select(messages).where(messages.c.conversation_id == conversation_id, messages.c.status != "superseded")


def _first_match(connection: Connection, conversation_id: str, ids: Sequence[str]) -> Any:
    """The row of the first of these ids, ours or callers' own, that names an active message; None where none does."""
    for message_id in ids:
        query = _active(conversation_id).where(
            or_(messages.c.id == message_id.removeprefix("msg_"), messages.c.external_id == message_id)
        )
        row = connection.execute(query.order_by(messages.c.sequence.desc()).limit(1)).one_or_none()
        if row is not None:
            return row
    return None


def _question_before(connection: Connection, conversation_id: str, sequence: int) -> Any:
    query = _active(conversation_id).where(messages.c.role == "user", messages.c.sequence < sequence)
    row = connection.execute(query.order_by(messages.c.sequence.desc()).limit(1)).one_or_none()
    if row is None:
        raise ChatError(Problem.MESSAGE_NOT_FOUND)
    return row


def _supersede(connection: Connection, conversation_id: str, sequence: int) -> None:
    """All messages from this sequence number on."""
    connection.execute(
        update(messages)
        .where(messages.c.conversation_id == conversation_id, messages.c.sequence >= sequence)
        .values(status="superseded")
    )


def _last(connection: Connection, conversation_id: str) -> Any:
    query = _active(conversation_id).order_by(messages.c.sequence.desc()).limit(1)
    return connection.execute(query).one_or_none()


def _repeat(connection: Connection, conversation_id: str, texts: Sequence[str]) -> RewindResult | None:
    """The last question again, if it has no complete answer and these are its texts; None otherwise."""
    last = _last(connection, conversation_id)
    if last is None or (last.role == "assistant" and last.status == "complete"):
        return None
    question = last if last.role == "user" else _question_before(connection, conversation_id, last.sequence)
    if [parts.message_from_json(question.role, question.parts).text] != texts:
        return None
    _supersede(connection, conversation_id, question.sequence + 1)
    return RewindResult(question.id)


def _resume(connection: Connection, conversation_id: str, rewind: Rewind) -> RewindResult:
    """Add the results to the calls of the last answer that wait for them."""
    last = _last(connection, conversation_id)
    if last is None or last.role != "assistant" or last.id != rewind.message_ids[0].removeprefix("msg_"):
        raise ChatError(Problem.MESSAGE_NOT_FOUND)
    message = parts.message_from_json(last.role, last.parts)
    # call id -> number of parts up to and with its result
    returned = {part.call_id: count for count, part in enumerate(message.parts, 1) if isinstance(part, ToolResultPart)}
    waiting = [part for part in message.parts if isinstance(part, ToolCallPart) and part.call_id not in returned]
    missing = [call.call_id for call in waiting if call.call_id not in rewind.results]
    if missing:
        raise ChatError(Problem.INVALID, f"No output for the tool calls {missing}")
    # Outputs that are stored already are sent again where the answer failed after them: it goes on behind the last one.
    last_result = max((count for call_id, count in returned.items() if call_id in rewind.results), default=0)
    if not waiting and not last_result:
        raise ChatError(Problem.INVALID, "No call is waiting for an output")
    kept = message.parts if waiting else message.parts[:last_result]
    message = Message("assistant", (*kept, *(rewind.results[call.call_id] for call in waiting)))
    connection.execute(update(messages).where(messages.c.id == last.id).values(parts=parts.parts_to_json(message)))
    question = _question_before(connection, conversation_id, last.sequence)
    return RewindResult(question.id, (last.id, message), last.credits or 0)
