"""Conversations as the operator has them: all that is stored of them, whoever owns them. erasing.py deletes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, not_, select, update

from app.engine.messages import Message
from app.store.audit import record
from app.store.database import Database
from app.store.histories import Conversation, conversation_of
from app.store.messages import StoredMessage, stored_message
from app.store.posted import posted_messages
from app.store.tables import conversations, messages, running


@dataclass(frozen=True, slots=True)
class ExportedConversation:
    """All that is stored of a conversation. What the caller posted of it before its first message is in `posted`, or in
    the conversation that it `follows` (and in what that one follows), as long as that one is there. One that is
    `pinned` is kept whatever its age."""

    conversation: Conversation
    posted: Sequence[Message]
    follows: str | None
    pinned: bool
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

    def pin(self, conversation_id: str, actor: str, *, pinned: bool) -> bool:
        """Keep the conversation whatever its age, or no longer (retention.py). Returns False where there is none."""
        query = update(conversations).where(conversations.c.id == conversation_id).values(pinned=pinned)

        def work(connection: Connection) -> bool:
            found = bool(connection.execute(query).rowcount)
            if found:
                record(connection, actor, "conversation.pinned" if pinned else "conversation.unpinned", conversation_id)
            return found

        return self._database.write(work)


def _whole(connection: Connection, conversation_id: str) -> ExportedConversation | None:
    row = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one_or_none()
    if row is None:
        return None
    query = select(messages).where(messages.c.conversation_id == conversation_id, not_(running))
    said = [stored_message(each) for each in connection.execute(query.order_by(messages.c.sequence))]
    return ExportedConversation(conversation_of(row), posted_messages(row.posted), row.follows, row.pinned, said)
