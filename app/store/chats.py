"""Chats: conversations of people who sign in, which may be empty, are listed by number, and can be deleted."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from app.engine.errors import ChatError, Problem
from app.store.database import Database
from app.store.histories import StoredMessage, stored_message
from app.store.tables import conversations, messages, now

WIRE_NAME = "chats"


@dataclass(frozen=True, slots=True)
class Chat:
    """Whose it is, and with which agent it was begun. Times are epoch milliseconds."""

    id: str
    agent: str
    owner: str
    title: str | None
    created_at: int
    updated_at: int


class ChatStore:
    """A chat that is not there, or not there any more, is ChatError(NOT_FOUND)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, agent: str, owner: str, user_id: str, title: str | None) -> Chat:
        """An empty chat. `user_id` is under whom it is exported and erased."""
        time = now()
        chat = Chat(uuid.uuid4().hex, agent, owner, title, time, time)
        row = {**asdict(chat), "wire": WIRE_NAME, "end_user": user_id}
        self._database.write(lambda connection: connection.execute(insert(conversations).values(row)))
        return chat

    def find(self, chat_id: str) -> Chat:
        """Anybody's."""
        return self._database.read(lambda connection: _find(connection, chat_id))

    def all(self, owner: str, limit: int, offset: int) -> tuple[Sequence[Chat], int]:
        """An owner's, the latest begun first: so many behind the first `offset`, and how many there are in all."""
        own = (conversations.c.owner == owner, conversations.c.wire == WIRE_NAME)
        newest = conversations.c.created_at.desc(), conversations.c.id.desc()
        query = select(conversations).where(*own).order_by(*newest).limit(limit).offset(offset)

        def work(connection: Connection) -> tuple[Sequence[Chat], int]:
            found = [_chat(row) for row in connection.execute(query)]
            return found, connection.execute(select(func.count()).select_from(conversations).where(*own)).scalar_one()

        return self._database.read(work)

    def messages(self, chat_id: str) -> Sequence[StoredMessage]:
        """All that are not superseded, oldest first."""
        query = (
            select(messages)
            .where(messages.c.conversation_id == chat_id, messages.c.status != "superseded")
            .order_by(messages.c.sequence)
        )

        def work(connection: Connection) -> Sequence[StoredMessage]:
            _find(connection, chat_id)
            return [stored_message(row) for row in connection.execute(query)]

        return self._database.read(work)

    def exchange(self, question_id: str, answer_id: str) -> tuple[StoredMessage, StoredMessage]:
        """A question and its answer, as they are kept."""
        query = select(messages).where(messages.c.id.in_([question_id, answer_id]))
        rows = self._database.read(lambda connection: connection.execute(query).all())
        found = {row.id: stored_message(row) for row in rows}
        try:
            return found[question_id], found[answer_id]
        except KeyError as error:
            raise ChatError(Problem.NOT_FOUND) from error

    def delete(self, chat_id: str) -> None:
        """With its messages. An answer that is under way is not stored."""

        def work(connection: Connection) -> None:
            _find(connection, chat_id)
            connection.execute(delete(messages).where(messages.c.conversation_id == chat_id))
            connection.execute(delete(conversations).where(conversations.c.id == chat_id))

        self._database.write(work)


def _find(connection: Connection, chat_id: str) -> Chat:
    query = select(conversations).where(conversations.c.id == chat_id, conversations.c.wire == WIRE_NAME)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise ChatError(Problem.NOT_FOUND)
    return _chat(row)


def _chat(row: Any) -> Chat:
    return Chat(row.id, row.agent, row.owner, row.title, row.created_at, row.updated_at)
