"""Conversations and their messages."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.engine.errors import ChatError, Problem
from app.engine.messages import Answer, Message
from app.engine.ports import ConversationRef
from app.store import parts
from app.store.database import Database
from app.store.tables import conversations, messages, now

# Built once: putting a statement together costs more than running it.
_FIND = select(conversations.c.id).where(
    conversations.c.owner == bindparam("owner"),
    conversations.c.channel == bindparam("channel"),
    conversations.c.agent == bindparam("agent"),
    conversations.c.external_id == bindparam("external_id"),
)
_CREATE = insert(conversations)
_TOUCH = (
    update(conversations).where(conversations.c.id == bindparam("conversation")).values(updated_at=bindparam("time"))
)
_LAST = select(func.max(messages.c.sequence)).where(messages.c.conversation_id == bindparam("conversation"))
_LATEST = (
    select(messages.c.role, messages.c.parts)
    .where(messages.c.conversation_id == bindparam("conversation"))
    .order_by(messages.c.sequence.desc())
    .limit(bindparam("limit"))
)
_APPEND = insert(messages)


class ConversationStore:
    """Implements the engine's `Conversations` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_question(
        self, ref: ConversationRef, messages: Mapping[str, Message], history: int, admit: Callable[[str], None]
    ) -> list[Message]:
        """See the port. One transaction: no answer can slip in between the history and the question."""
        rows = [_row(message_id, message, status="complete") for message_id, message in messages.items()]

        def work(connection: Connection) -> list[Message]:
            found = connection.execute(_FIND, _columns(ref)).scalar_one_or_none() if ref.external_id else None
            conversation_id = found or uuid.uuid4().hex
            admit(conversation_id)
            before = _latest(connection, conversation_id, history) if found else []
            if not found:
                _create(connection, conversation_id, ref)
            _append(connection, conversation_id, rows)
            return before

        return self._database.write(work)

    def add_answer(self, conversation_id: str, answer_id: str, answer: Answer) -> None:
        """See the port."""
        row = _row(
            answer_id,
            answer.message,
            status=answer.status,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
            model=answer.model,
        )
        self._database.write(lambda connection: _append(connection, conversation_id, [row]))


def _create(connection: Connection, conversation_id: str, ref: ConversationRef) -> None:
    time = now()
    row = {"id": conversation_id, "created_at": time, "updated_at": time, **_columns(ref)}
    try:
        connection.execute(_CREATE, row)
    except IntegrityError as error:
        raise ChatError(Problem.BUSY) from error  # another first message of this session came before us


def _columns(ref: ConversationRef) -> dict[str, str | None]:
    return {"agent": ref.agent, "channel": ref.channel, "owner": ref.owner, "external_id": ref.external_id}


def _row(message_id: str, message: Message, **columns: Any) -> dict[str, Any]:
    return {"id": message_id, "role": message.role, "parts": [parts.to_json(part) for part in message.parts], **columns}


def _append(connection: Connection, conversation_id: str, rows: Sequence[dict[str, Any]]) -> None:
    """Number and insert the rows; one conversation has one writer at a time."""
    time = now()
    last = connection.execute(_LAST, {"conversation": conversation_id}).scalar() or 0
    for sequence, row in enumerate(rows, last + 1):
        row.update(conversation_id=conversation_id, sequence=sequence, created_at=time)
    connection.execute(_APPEND, list(rows))
    connection.execute(_TOUCH, {"conversation": conversation_id, "time": time})


def _latest(connection: Connection, conversation_id: str, limit: int) -> list[Message]:
    """The last messages that said something, oldest first."""
    rows = connection.execute(_LATEST, {"conversation": conversation_id, "limit": limit}).all() if limit else []
    return [
        Message(row.role, tuple(parts.from_json(part) for part in row.parts)) for row in reversed(rows) if row.parts
    ]
