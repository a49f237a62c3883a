"""Rewinds of a conversation: edited questions, retried and resumed answers. The engine's `Rewind` has the rules."""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, or_, select, update

from app.engine.conversation import GOING_ON, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.messages import Message, Part, ToolCallPart, ToolResultPart
from app.store import parts
from app.store.earlier_answers import keep_earlier
from app.store.messages import StoredMessage, stored_message
from app.store.tables import messages, shown
from app.store.trips import unanswered


@dataclass(frozen=True, slots=True)
class RewindResult:
    """The question to be answered (again).

    `resumed` is the answer that goes on, if one does, as it was stored, but for its message: what it has said so far,
    with the tools' results.
    """

    question_id: str
    resumed: StoredMessage | None = None


def apply_rewind(
    connection: Connection,
    conversation_id: str,
    rewind: Rewind,
    new: Mapping[str, Message],
    claim: Mapping[str, Any],
) -> RewindResult | None:
    """Supersede what makes room; returns None where the new messages (by id) are then to be appended.

    `claim` is what the row of an answer says while it runs: a resumed answer's says so from here on. Raises ChatError:
    MESSAGE_NOT_FOUND, or INVALID where a resumed answer lacks results or waits for none.
    """
    if rewind.kind in GOING_ON:
        return _resume(connection, conversation_id, rewind, claim)
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


def resumed_id(rewind: Rewind) -> str:
    """The id of the answer that is to go on."""
    return rewind.message_ids[0].removeprefix("msg_")


def _active(conversation_id: str) -> Any:
    """A query for the messages that are neither superseded nor being made."""
    return select(messages).where(messages.c.conversation_id == conversation_id, shown)


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
    later = messages.c.conversation_id == conversation_id, messages.c.sequence >= sequence, shown
    superseded = update(messages).where(*later).values(status="superseded", status_before=messages.c.status)
    connection.execute(unanswered(superseded))


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


def _resume(connection: Connection, conversation_id: str, rewind: Rewind, claim: Mapping[str, Any]) -> RewindResult:
    """Add the results to the client tools' calls of the last answer, or return to where they were added before; the
    answer runs from here on."""
    row = _last(connection, conversation_id)
    if row is None or row.role != "assistant" or row.id != resumed_id(rewind):
        raise ChatError(Problem.MESSAGE_NOT_FOUND)
    last = stored_message(row)
    kept = _continued(last, rewind) if rewind.kind == "continue" else _with_results(last, rewind)
    message = Message("assistant", kept)
    keep_earlier(connection, row)
    kept_and_claimed = {"parts": parts.parts_to_json(message), **claim, "stop": None, "heard": 0}
    connection.execute(unanswered(update(messages).where(messages.c.id == last.id).values(kept_and_claimed)))
    question = _question_before(connection, conversation_id, last.sequence)
    return RewindResult(question.id, replace(last, message=message))


def waits(answer: StoredMessage) -> bool:
    """Whether it waits for results. One that broke off waits for nobody: what has no result there may be a call of the
    server's own tool."""
    return answer.status == "complete" and answer.finish_reason == "tool-calls"


def calls_of(message: Message, tools: Collection[str]) -> Mapping[str, str]:
    """The calls of these tools: id -> the tool's name."""
    return {part.call_id: part.name for part in message.parts if isinstance(part, ToolCallPart) and part.name in tools}


def brought_parts(message: Message, client_tools: Collection[str]) -> int:
    """How many parts an answer had when it last went on with results of client tools; 0 where it never did."""
    returned = _returned(message)
    return max((returned[call_id] for call_id in calls_of(message, client_tools) if call_id in returned), default=0)


def _returned(message: Message) -> Mapping[str, int]:
    """The calls that have a result: id -> number of parts up to and with it."""
    return {part.call_id: count for count, part in enumerate(message.parts, 1) if isinstance(part, ToolResultPart)}


def _with_results(last: StoredMessage, rewind: Rewind) -> tuple[Part, ...]:
    """What is kept of an answer that goes on with the rewind's results."""
    message, names = last.message, calls_of(last.message, rewind.client_tools)
    returned = _returned(message)
    waiting = [call_id for call_id in names if waits(last) and call_id not in returned]
    again = [call_id for call_id in names if call_id in returned and call_id in rewind.results]
    if again and not any(call_id in rewind.results for call_id in waiting):
        return _up_to(message.parts, max(count for call_id, count in returned.items() if call_id in rewind.results))
    if not waiting:
        raise ChatError(Problem.INVALID, "No call is waiting for an output")
    _require_all(waiting, rewind.results)
    return (*message.parts, *(replace(rewind.results[call_id], name=names[call_id]) for call_id in waiting))


def _continued(last: StoredMessage, rewind: Rewind) -> tuple[Part, ...]:
    """What is kept of an answer that goes on with the results that are stored."""
    names, returned = calls_of(last.message, rewind.client_tools), _returned(last.message)
    brought = [returned[call_id] for call_id in names if call_id in returned]
    if waits(last) and names:
        _require_all(list(names), returned)
        return last.message.parts
    if brought and last.status != "complete":
        return _up_to(last.message.parts, max(brought))
    raise ChatError(Problem.INVALID, "A message is needed: no answer of this conversation waits to go on")


def _require_all(call_ids: Sequence[str], given: Container[str]) -> None:
    missing = [call_id for call_id in call_ids if call_id not in given]
    if missing:
        raise ChatError(Problem.INVALID, f"No output for the tool calls {missing}")


def _up_to(said: Sequence[Part], count: int) -> tuple[Part, ...]:
    """The first parts, without calls that have no result among them."""
    kept = said[:count]
    returned = {part.call_id for part in kept if isinstance(part, ToolResultPart)}
    return tuple(part for part in kept if not isinstance(part, ToolCallPart) or part.call_id in returned)
