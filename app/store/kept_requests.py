"""What callers may look up of their requests as long as the answers are there, and what was said up to an answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, literal, select, update

from app.engine.messages import Message
from app.store.answer_states import AnswerState
from app.store.database import Database
from app.store.parts import message_from_json
from app.store.posted import posted_messages
from app.store.tables import conversations, messages, shown
from app.store.trips import unanswered

_KEEP = unanswered(update(messages).where(messages.c.id == bindparam("answer")).values(request=bindparam("kept")))
_FIRST = select(conversations.c.id, conversations.c.follows, conversations.c.posted, literal(0).label("depth")).where(
    conversations.c.id == bindparam("conversation")
)
_LINKS = _FIRST.cte("links", recursive=True)
_BEFORE = select(conversations.c.id, conversations.c.follows, conversations.c.posted, _LINKS.c.depth + 1).join(
    _LINKS, conversations.c.id == _LINKS.c.follows
)
_ALL_LINKS = _LINKS.union_all(_BEFORE.where(_LINKS.c.depth < bindparam("most")))
_SAID = (
    select(messages.c.role, messages.c.parts, messages.c.sequence, _ALL_LINKS.c.depth)
    .join(_ALL_LINKS, messages.c.conversation_id == _ALL_LINKS.c.id)
    .where(shown)
    .order_by(_ALL_LINKS.c.depth.desc(), messages.c.sequence)
)
_POSTED = select(_ALL_LINKS.c.posted).order_by(_ALL_LINKS.c.depth.desc()).limit(1)


class KeptRequests:
    """Of answers that are known to be the caller's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def change(self, answer_id: str, request: Mapping[str, Any] | None) -> None:
        """Keep this instead; None: the answer cannot be looked up any more. What was said stays the operator's."""
        values = {"answer": answer_id, "kept": request}

        def work(connection: Connection) -> None:
            connection.execute(_KEEP, values)

        self._database.write(work)

    def said(self, answer: AnswerState, most: int) -> Sequence[Message]:
        """The last messages up to the answer, its own last, at most so many: those that were posted with its question,
        and with the questions before."""
        values = {"conversation": answer.conversation_id, "most": most}

        def work(connection: Connection) -> list[Message]:
            posted = posted_messages(connection.execute(_POSTED, values).scalar())
            rows = connection.execute(_SAID, values)
            return [*posted, *(message_from_json(row.role, row.parts) for row in rows)]

        return [message for message in self._database.read(work) if message.parts][-most:]
