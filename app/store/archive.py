"""Conversations as the operator has them: all that is stored of them, whoever owns them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, not_, select

from app.engine.messages import Message
from app.store.database import Database
from app.store.histories import Conversation, conversation_of
from app.store.messages import StoredMessage, stored_message
from app.store.posted import posted_messages
from app.store.tables import conversations, messages, running

_ERASED_AT_ONCE = 500  # conversations: SQLite takes no more than some thousand values in a statement


@dataclass(frozen=True, slots=True)
class ExportedConversation:
    """All that is stored of a conversation. What the caller posted of it before its first message is in `posted`, or in
    the conversation that it `follows` (and in what that one follows), as long as that one is there."""

    conversation: Conversation
    posted: Sequence[Message]
    follows: str | None
    messages: Sequence[StoredMessage]


class Archive:
    """An answer that is being made is left out until it has ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def export(self, agent: str, end_user: str | None) -> Iterator[ExportedConversation]:
        """Each conversation with the agent, or those of one end user, oldest first, superseded messages included.

        One transaction for each conversation: what is erased meanwhile is left out.
        """
        matching = and_(conversations.c.agent == agent, *([conversations.c.end_user == end_user] if end_user else []))
        ids = self._database.read(
            lambda connection: connection.execute(
                select(conversations.c.id).where(matching).order_by(conversations.c.created_at, conversations.c.id)
            ).scalars().all()
        )  # fmt: skip
        for conversation_id in ids:
            whole = self._database.read(lambda connection, each=conversation_id: _whole(connection, each))  # type: ignore[misc]
            if whole:
                yield whole

    def erase(self, end_user: str) -> int:
        """Delete all conversations of an end user, with every agent; returns how many there were.

        SQLite overwrites them in its file and empties its log, which blocks the process: for the command line.
        PostgreSQL keeps what was deleted in its files until it is vacuumed, and in its log for as long as that is kept.
        """
        # Locked: who would add to one of them waits, and finds it gone.
        some = select(conversations.c.id).where(conversations.c.end_user == end_user)
        some = some.order_by(conversations.c.id).limit(_ERASED_AT_ONCE).with_for_update()

        def work(connection: Connection) -> int:
            erased = 0
            while ids := connection.execute(some).scalars().all():
                connection.execute(delete(messages).where(messages.c.conversation_id.in_(ids)))
                erased += connection.execute(delete(conversations).where(conversations.c.id.in_(ids))).rowcount
            return erased

        erased = self._database.write(work)
        self._database.checkpoint()
        return erased


def _whole(connection: Connection, conversation_id: str) -> ExportedConversation | None:
    row = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one_or_none()
    if row is None:
        return None
    query = select(messages).where(messages.c.conversation_id == conversation_id, not_(running))
    said = [stored_message(each) for each in connection.execute(query.order_by(messages.c.sequence))]
    return ExportedConversation(conversation_of(row), posted_messages(row.posted), row.follows, said)
