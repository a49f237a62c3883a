"""Conversations and their messages."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.engine.errors import ChatError, Problem
from app.engine.messages import Answer, Message
from app.engine.ports import Conversation, ConversationRef
from app.store import parts
from app.store.database import Database
from app.store.tables import conversations, messages, now


class ConversationStore:
    """Implements the engine's `Conversations` port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, ref: ConversationRef) -> Conversation | None:
        """The owner's conversation of that external id."""
        query = select(conversations.c.id).where(
            conversations.c.owner == ref.owner,
            conversations.c.channel == ref.channel,
            conversations.c.agent == ref.agent,
            conversations.c.external_id == ref.external_id,
        )
        found = self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return Conversation(found, ref) if found else None

    def add_question(self, conversation: Conversation, new: Mapping[str, Message], history: int) -> list[Message]:
        """See the port. The history is read in the same transaction, so no answer can slip in between."""

        def work(connection: Connection) -> list[Message]:
            if conversation.is_new:
                _create(connection, conversation)
            before = _latest(connection, conversation.id, history)
            for message_id, message in new.items():
                _append(connection, conversation.id, message_id, message, status="complete")
            return before

        return self._database.write(work)

    def add_answer(self, conversation_id: str, answer_id: str, answer: Answer) -> None:
        """See the port."""

        def work(connection: Connection) -> None:
            _append(
                connection,
                conversation_id,
                answer_id,
                answer.message,
                status=answer.status,
                finish_reason=answer.finish_reason,
                prompt_tokens=answer.usage.prompt_tokens,
                completion_tokens=answer.usage.completion_tokens,
                model=answer.model,
            )

        self._database.write(work)


def _create(connection: Connection, conversation: Conversation) -> None:
    ref, time = conversation.ref, now()
    try:
        connection.execute(
            insert(conversations).values(
                id=conversation.id,
                agent=ref.agent,
                channel=ref.channel,
                owner=ref.owner,
                external_id=ref.external_id,
                created_at=time,
                updated_at=time,
            )
        )
    except IntegrityError as error:
        raise ChatError(Problem.BUSY) from error  # another first message of this session came before us


def _append(connection: Connection, conversation_id: str, message_id: str, message: Message, **columns: Any) -> None:
    time = now()
    last = select(func.coalesce(func.max(messages.c.sequence), 0)).where(messages.c.conversation_id == conversation_id)
    connection.execute(
        insert(messages).values(
            id=message_id,
            conversation_id=conversation_id,
            sequence=last.scalar_subquery() + 1,
            role=message.role,
            parts=[parts.to_json(part) for part in message.parts],
            created_at=time,
            **columns,
        )
    )
    connection.execute(update(conversations).where(conversations.c.id == conversation_id).values(updated_at=time))


def _latest(connection: Connection, conversation_id: str, limit: int) -> list[Message]:
    """The last messages that said something, oldest first."""
    if not limit:
        return []
    query = (
        select(messages.c.role, messages.c.parts)
        .where(messages.c.conversation_id == conversation_id)
        .order_by(messages.c.sequence.desc())
        .limit(limit)
    )
    rows = connection.execute(query).all()
    return [
        Message(row.role, tuple(parts.from_json(part) for part in row.parts)) for row in reversed(rows) if row.parts
    ]
