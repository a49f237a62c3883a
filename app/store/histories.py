"""Conversations read back by the callers who own them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, update

from app.engine.errors import ChatError, Problem
from app.store.database import Database
from app.store.happenings import told_of_answer
from app.store.messages import Feedback, StoredMessage, latest_messages, stored_message
from app.store.outbox import Outbox
from app.store.pages import Page
from app.store.tables import conversations, messages, shown
from app.store.trips import unanswered

State = Literal["ongoing", "ended", "taken_over", "paused"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation without its messages; times in epoch milliseconds.

    `owner` is who held the credential. `end_user` is certain only where the owner is a user or a signed visitor: other
    callers may name whom they like.
    """

    id: str
    wire: str
    owner: str
    title: str | None
    end_user: str | None
    state: State
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class HistoryScope:
    """Whose conversations are meant: one owner's, on one wire, with one agent."""

    agent: str
    wire: str
    owner: str


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations of a scope, newest first, and at most how many.

    Ordered by their creation, or `by_activity` by their last change. `created_from` (inclusive) and `created_until`
    (exclusive) are epoch milliseconds; `cursor` is the last conversation of the page before: the time by which the list
    is ordered, and its id.
    """

    limit: int
    end_user: str | None = None
    created_from: int | None = None
    created_until: int | None = None
    cursor: tuple[int, str] | None = None
    by_activity: bool = False


class HistoryStore:
    """Conversations within a scope; outside of it one raises ChatError(NOT_FOUND), like one that does not exist.

    An answer that is being made is left out until it has ended, a resumed one with all that it has said before.
    Superseded messages are left out.
    """

    def __init__(self, database: Database, outbox: Outbox | None = None) -> None:
        self._database = database
        self._outbox = outbox or Outbox()

    def conversations(self, scope: HistoryScope, filters: ConversationFilter) -> Page[Conversation]:
        """A page of the conversations in the scope, newest first."""
        time = conversations.c.updated_at if filters.by_activity else conversations.c.created_at
        matching = and_(_within(scope), *_conditions(filters))
        query = select(conversations).where(matching)
        if filters.cursor:
            last_time, last_id = filters.cursor
            # The first condition leads an index to the page; without it all before the page would be read.
            query = query.where(time <= last_time, or_(time < last_time, conversations.c.id < last_id))
        query = query.order_by(time.desc(), conversations.c.id.desc()).limit(filters.limit + 1)

        def work(connection: Connection) -> Page[Conversation]:
            items = [conversation_of(row) for row in connection.execute(query)]
            total = connection.execute(select(func.count()).select_from(conversations).where(matching)).scalar_one()
            return Page(items[: filters.limit], len(items) > filters.limit, total)

        return self._database.read(work)

    def conversation(
        self, scope: HistoryScope, conversation_id: str | None, external_id: str | None = None
    ) -> Conversation:
        """The conversation with this external id, else the one with this id, without its messages. Raises
        ChatError(NOT_FOUND)."""
        return self._database.read(lambda connection: _find(connection, scope, conversation_id, external_id))

    def messages(
        self, scope: HistoryScope, conversation_id: str, limit: int, before: int | None
    ) -> Page[StoredMessage]:
        """The page of its last messages, as `latest_messages` has it, and how many there are in all.

        Raises ChatError(NOT_FOUND).
        """
        everything = select(func.count()).select_from(messages)
        everything = everything.where(messages.c.conversation_id == conversation_id, shown)

        def work(connection: Connection) -> Page[StoredMessage]:
            _find(connection, scope, conversation_id)
            page = latest_messages(connection, conversation_id, limit, before)
            return replace(page, total=connection.execute(everything).scalar_one())

        return self._database.read(work)

    def latest(
        self, scope: HistoryScope, external_id: str | None, limit: int
    ) -> tuple[str, str | None, Page[StoredMessage]] | None:
        """The conversation with this external id, or without one the last active: its id, its external id and the page
        of its last messages, as `latest_messages` has it. None where there is none."""
        query = select(conversations.c.id, conversations.c.external_id).where(_within(scope))
        if external_id is not None:
            query = query.where(conversations.c.external_id == external_id)
        query = query.order_by(conversations.c.updated_at.desc(), conversations.c.id.desc()).limit(1)

        def work(connection: Connection) -> tuple[str, str | None, Page[StoredMessage]] | None:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            return row.id, row.external_id, latest_messages(connection, row.id, limit)

        return self._database.read(work)

    def set_state(self, scope: HistoryScope, conversation_id: str, state: State) -> None:
        """Change the conversation's state. Raises ChatError(NOT_FOUND)."""

        def work(connection: Connection) -> None:
            _find(connection, scope, conversation_id)
            query = update(conversations).where(conversations.c.id == conversation_id).values(state=state)
            connection.execute(unanswered(query))

        self._database.write(work)

    def rate(
        self, scope: HistoryScope, conversation_id: str, message_id: str, feedback: Feedback | None
    ) -> StoredMessage:
        """Set or, with None, remove the feedback of an answer; returns the answer.

        Raises ChatError: NOT_FOUND, MESSAGE_NOT_FOUND, NOT_AN_ANSWER.
        """

        def work(connection: Connection) -> StoredMessage:
            _find(connection, scope, conversation_id)
            query = select(messages).where(
                messages.c.id == message_id,
                messages.c.conversation_id == conversation_id,
                shown,
            )
            row = connection.execute(query).one_or_none()
            if row is None:
                raise ChatError(Problem.MESSAGE_NOT_FOUND)
            if row.role != "assistant":
                raise ChatError(Problem.NOT_AN_ANSWER)
            if feedback == "negative" != row.feedback:  # first, since it locks the conversation
                told_of_answer(self._outbox, connection, "feedback.negative", conversation_id, message_id)
            connection.execute(
                unanswered(update(messages).where(messages.c.id == message_id).values(feedback=feedback))
            )
            return stored_message(connection.execute(query).one())

        return self._database.write(work)


def _within(scope: HistoryScope) -> ColumnElement[bool]:
    return and_(
        conversations.c.owner == scope.owner,
        conversations.c.wire == scope.wire,
        conversations.c.agent == scope.agent,
    )


def _conditions(filters: ConversationFilter) -> Iterator[ColumnElement[bool]]:
    if filters.end_user is not None:
        yield conversations.c.end_user == filters.end_user
    if filters.created_from is not None:
        yield conversations.c.created_at >= filters.created_from
    if filters.created_until is not None:
        yield conversations.c.created_at < filters.created_until


def _find(
    connection: Connection, scope: HistoryScope, conversation_id: str | None, external_id: str | None = None
) -> Conversation:
    meant = by_id = conversations.c.id == conversation_id
    if external_id is not None:
        meant = or_(by_id, conversations.c.external_id == external_id)
    query: Select[Any] = select(conversations).where(meant, _within(scope)).order_by(by_id).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise ChatError(Problem.NOT_FOUND)
    return conversation_of(row)


def conversation_of(row: Any) -> Conversation:
    """Of a row of the table `conversations`."""
    return Conversation(row.id, row.wire, row.owner, row.title, row.end_user, row.state, row.created_at, row.updated_at)
