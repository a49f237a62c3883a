"""Chats: the conversations of signed-in users, which may be empty, are listed by offset, and can be deleted."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from app.engine.errors import ChatError, Problem
from app.store.audit import record
from app.store.database import Database
from app.store.messages import StoredMessage, latest_messages, stored_message
from app.store.pages import Page
from app.store.row_locks import lock_row
from app.store.tables import conversations, messages, now
from app.store.trips import unanswered

WIRE_NAME = "chats"


@dataclass(frozen=True, slots=True)
class Chat:
    """`agent` is the one it was created with, `owner` whose it is; times in epoch milliseconds."""

    id: str
    agent: str
    owner: str
    title: str | None
    created_at: int
    updated_at: int


class ChatStore:
    """Chats of all owners: except where a method takes `owner`, callers compare `Chat.owner` themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, agent: str, owner: str, user_id: str, title: str | None, chat_id: str | None = None) -> Chat:
        """Store an empty chat and return it. `user_id` becomes its end user, by whom it is exported and erased. Where
        there is a chat of that id by now, it is returned, whoever owns it."""
        time = now()
        chat = Chat(chat_id or uuid.uuid4().hex, agent, owner, title, time, time)
        row = {**asdict(chat), "wire": WIRE_NAME, "end_user": user_id}
        query = unanswered(insert(conversations).values(row))
        try:
            self._database.write(lambda connection: connection.execute(query))
        except IntegrityError:
            return self.find(chat.id)
        return chat

    def find(self, chat_id: str) -> Chat:
        """The chat, whoever owns it. Raises ChatError(NOT_FOUND)."""
        return self._database.read(lambda connection: _find(connection, chat_id))

    def all(self, owner: str, limit: int, offset: int) -> tuple[Sequence[Chat], int]:
        """At most `limit` of the owner's chats, the latest created first, after the first `offset`; and how many there
        are in all."""
        owned = (conversations.c.owner == owner, conversations.c.wire == WIRE_NAME)
        newest = conversations.c.created_at.desc(), conversations.c.id.desc()
        query = select(conversations).where(*owned).order_by(*newest).limit(limit).offset(offset)

        def work(connection: Connection) -> tuple[Sequence[Chat], int]:
            total = connection.execute(select(func.count()).select_from(conversations).where(*owned)).scalar_one()
            return [_chat(row) for row in connection.execute(query)], total

        return self._database.read(work)

    def messages(self, chat_id: str, limit: int, before: int | None = None) -> Page[StoredMessage]:
        """The page of the chat's last messages, as `latest_messages` has it. Raises ChatError(NOT_FOUND)."""

        def work(connection: Connection) -> Page[StoredMessage]:
            _find(connection, chat_id)
            return latest_messages(connection, chat_id, limit, before)

        return self._database.read(work)

    def exchange(self, question_id: str, answer_id: str) -> tuple[StoredMessage, StoredMessage]:
        """A question and its answer, as stored. Raises ChatError(NOT_FOUND) where one of them is not there."""
        query = select(messages).where(messages.c.id.in_([question_id, answer_id]))
        rows = self._database.read(lambda connection: connection.execute(query).all())
        stored = {row.id: stored_message(row) for row in rows}
        try:
            return stored[question_id], stored[answer_id]
        except KeyError as error:
            raise ChatError(Problem.NOT_FOUND) from error

    def delete(self, chat_id: str) -> None:
        """Delete the chat and its messages, as its owner wants it. An answer that is being made will not be stored.

        Raises ChatError(NOT_FOUND).
        """

        def work(connection: Connection) -> None:
            chat = _find(connection, chat_id)
            lock_row(connection, conversations.c.id, chat_id, to_delete=True)
            connection.execute(unanswered(delete(messages).where(messages.c.conversation_id == chat_id)))
            connection.execute(unanswered(delete(conversations).where(conversations.c.id == chat_id)))
            record(connection, chat.owner, "conversation.erased", chat_id)

        self._database.write(work)


def _find(connection: Connection, chat_id: str) -> Chat:
    query = select(conversations).where(conversations.c.id == chat_id, conversations.c.wire == WIRE_NAME)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise ChatError(Problem.NOT_FOUND)
    return _chat(row)


def _chat(row: Any) -> Chat:
    return Chat(row.id, row.agent, row.owner, row.title, row.created_at, row.updated_at)
