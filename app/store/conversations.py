"""What turns write: questions and answers, and what they cost."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.engine.conversation import Charge, ConversationRef, QuestionEntry, StoredQuestion
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord, Message
from app.store import parts
from app.store.database import Database
from app.store.rewinds import apply_rewind, extend_answer
from app.store.tables import conversations, keys, messages, now

TITLE_LENGTH = 80
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Built once: putting a statement together costs more than running it.
_OWN = select(conversations.c.id, conversations.c.state, conversations.c.end_user, conversations.c.title).where(
    conversations.c.owner == bindparam("owner"),
    conversations.c.wire == bindparam("wire"),
    conversations.c.agent == bindparam("agent"),
)
_NAMED = _OWN.where(conversations.c.external_id == bindparam("external_id"))
_BY_ID = _OWN.where(conversations.c.id == bindparam("id"))
_CREATE = insert(conversations)
_TOUCH = (
    update(conversations).where(conversations.c.id == bindparam("conversation")).values(updated_at=bindparam("time"))
)
_ENTITLE = update(conversations).where(conversations.c.id == bindparam("conversation")).values(title=bindparam("name"))
_LATEST = (
    select(messages.c.role, messages.c.parts)
    .where(messages.c.conversation_id == bindparam("conversation"), messages.c.status != "superseded")
    .order_by(messages.c.sequence.desc())
    .limit(bindparam("limit"))
)
# Numbers the row behind the last one; one conversation has one writer at a time.
_APPEND = insert(messages).values(
    conversation_id=bindparam("conversation"),
    sequence=select(func.coalesce(func.max(messages.c.sequence), 0) + 1)
    .where(messages.c.conversation_id == bindparam("conversation"))
    .scalar_subquery(),
)
_HOLD = (
    update(keys)
    .where(keys.c.id == bindparam("account"), keys.c.spent + keys.c.held + bindparam("cost") <= keys.c.credits)
    .values(held=keys.c.held + bindparam("cost"))
)
_SETTLE = (
    update(keys)
    .where(keys.c.id == bindparam("account"))
    .values(
        spent=keys.c.spent + bindparam("cost"),
        held=case((keys.c.held > bindparam("was_held"), keys.c.held - bindparam("was_held")), else_=0),
    )
)


class ConversationStore:
    """Implements the engine's `Conversations` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_question(self, entry: QuestionEntry, admit: Callable[[str], None]) -> StoredQuestion:
        """See the port. One transaction: no answer can slip in between the history and the question."""
        rows = [_row(message_id, message, status="complete") for message_id, message in entry.messages.items()]
        if rows:
            rows[-1]["external_id"] = entry.external_id

        def work(connection: Connection) -> StoredQuestion:
            found = _find(connection, entry.conversation)
            if found and found.state != "ongoing":
                raise ChatError(Problem.NOT_ONGOING)
            conversation_id = found.id if found else uuid.uuid4().hex
            admit(conversation_id)
            if entry.charge and entry.charge.held:
                _hold(connection, entry.charge)
            taken_up = None
            if found and entry.rewind:
                taken_up = apply_rewind(connection, conversation_id, entry.rewind, entry.messages)
            if taken_up is None and not rows:
                raise ChatError(Problem.MESSAGE_NOT_FOUND)
            time = now()
            if found:
                connection.execute(_TOUCH, {"conversation": conversation_id, "time": time})
                if found.title is None:
                    connection.execute(_ENTITLE, {"conversation": conversation_id, "name": _title(entry.messages)})
            else:
                _create(connection, conversation_id, entry, time)
            goes_on = taken_up is not None and taken_up.resumed is not None
            before = _latest(connection, conversation_id, entry.history + goes_on) if found else []
            end_user = found.end_user if found else entry.conversation.end_user
            if taken_up:
                before = before[:-1] if goes_on else before  # the answer that goes on is no history
                return StoredQuestion(before, taken_up.question_id, end_user, taken_up.resumed, taken_up.cost_before)
            _append(connection, conversation_id, rows, time)
            return StoredQuestion([*before, *entry.messages.values()], rows[-1]["id"], end_user)

        return self._database.write(work)

    def add_answer(
        self, conversation_id: str, answer_id: str, answer: AnswerRecord, charge: Charge | None = None, *, resumed: bool
    ) -> None:
        """See the port."""
        row = _row(
            answer_id,
            answer.message,
            status=answer.status,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
            model=answer.model,
            credits=answer.credits,
        )

        def work(connection: Connection) -> None:
            time = now()
            there = connection.execute(_TOUCH, {"conversation": conversation_id, "time": time}).rowcount
            if there and resumed:
                extend_answer(connection, row)
            elif there:
                _append(connection, conversation_id, [row], time)
            if charge and (charge.held or answer.credits):
                settled = {"account": charge.account, "cost": answer.credits, "was_held": charge.held}
                connection.execute(_SETTLE, settled)

        self._database.write(work)


def _find(connection: Connection, ref: ConversationRef) -> Any:
    """The conversation's row, None where it is to be made. Raises ChatError(NOT_FOUND) where it should be there."""
    place = {"owner": ref.owner, "wire": ref.wire, "agent": ref.agent}
    if ref.id:
        found = connection.execute(_BY_ID, {**place, "id": ref.id}).one_or_none()
        if found is None:
            raise ChatError(Problem.NOT_FOUND)
        return found
    if not ref.external_id:
        return None
    found = connection.execute(_NAMED, {**place, "external_id": ref.external_id}).one_or_none()
    if found is None and _UUID.fullmatch(ref.external_id):  # it may have been told ours, and call it so since
        found = connection.execute(_BY_ID, {**place, "id": ref.external_id.replace("-", "")}).one_or_none()
    return found


def _hold(connection: Connection, charge: Charge) -> None:
    """In one statement, so that two questions at once cannot both have the last credits."""
    if not connection.execute(_HOLD, {"account": charge.account, "cost": charge.held}).rowcount:
        raise ChatError(Problem.EXHAUSTED)


def _create(connection: Connection, conversation_id: str, entry: QuestionEntry, time: int) -> None:
    ref = entry.conversation
    row = {
        "id": conversation_id,
        "agent": ref.agent,
        "wire": ref.wire,
        "owner": ref.owner,
        "external_id": ref.external_id,
        "end_user": ref.end_user,
        "title": _title(entry.messages),
        "created_at": time,
        "updated_at": time,
    }
    try:
        connection.execute(_CREATE, row)
    except IntegrityError as error:
        raise ChatError(Problem.BUSY) from error  # another first message of this session came before us


def _title(new: Mapping[str, Message]) -> str | None:
    """The beginning of what the user said first."""
    text = " ".join(next((message.text for message in new.values() if message.role == "user"), "").split())
    if len(text) <= TITLE_LENGTH:
        return text or None
    return text[:TITLE_LENGTH].rsplit(" ", 1)[0] + "…"


def _row(message_id: str, message: Message, **columns: Any) -> dict[str, Any]:
    return {"id": message_id, "role": message.role, "parts": parts.parts_to_json(message), **columns}


def _append(connection: Connection, conversation_id: str, rows: Sequence[dict[str, Any]], time: int) -> None:
    connection.execute(_APPEND, [{**row, "conversation": conversation_id, "created_at": time} for row in rows])


def _latest(connection: Connection, conversation_id: str, limit: int) -> list[Message]:
    """The last messages that said something, oldest first."""
    rows = connection.execute(_LATEST, {"conversation": conversation_id, "limit": limit}).all() if limit else []
    return [parts.message_from_json(row.role, row.parts) for row in reversed(rows) if row.parts]
