"""Conversations read back: by the callers who own them, and by the operator."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, not_, or_, select, update

from app.engine.errors import ChatError, Problem
from app.engine.messages import Message
from app.store.database import Database
from app.store.messages import Feedback, StoredMessage, latest_messages, stored_message
from app.store.pages import Page
from app.store.posted import posted_messages
from app.store.tables import conversations, messages, running, shown

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


@dataclass(frozen=True, slots=True)
class ExportedConversation:
    """All that is stored of a conversation. What the caller posted of it before its first message is in `posted`, or in
    the conversation that it `follows` (and in what that one follows), as long as that one is there."""

    conversation: Conversation
    posted: Sequence[Message]
    follows: str | None
    messages: Sequence[StoredMessage]


class HistoryStore:
    """Conversations within a scope; outside of it one raises ChatError(NOT_FOUND), like one that does not exist.

    An answer that is being made is left out until it has ended, a resumed one with all that it has said before.
    Superseded messages are left out, but for `export`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def conversations(self, scope: HistoryScope, filters: ConversationFilter) -> Page[Conversation]:
        """A page of the conversations in the scope, newest first."""
        time = conversations.c.updated_at if filters.by_activity else conversations.c.created_at
        matching = and_(_within(scope), *_conditions(filters))
        query = select(conversations).where(matching)
        if filters.cursor:
            last_time, last_id = filters.cursor
            query = query.where(or_(time < last_time, and_(time == last_time, conversations.c.id < last_id)))
        query = query.order_by(time.desc(), conversations.c.id.desc()).limit(filters.limit + 1)

        def work(connection: Connection) -> Page[Conversation]:
            items = [_conversation(row) for row in connection.execute(query)]
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
            connection.execute(update(conversations).where(conversations.c.id == conversation_id).values(state=state))

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
            connection.execute(update(messages).where(messages.c.id == message_id).values(feedback=feedback))
            return stored_message(connection.execute(query).one())

        return self._database.write(work)

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
        """
        theirs = select(conversations.c.id).where(conversations.c.end_user == end_user)

        def work(connection: Connection) -> int:
            connection.execute(delete(messages).where(messages.c.conversation_id.in_(theirs)))
            return connection.execute(delete(conversations).where(conversations.c.end_user == end_user)).rowcount

        erased = self._database.write(work)
        self._database.checkpoint()
        return erased


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
    return _conversation(row)


def _whole(connection: Connection, conversation_id: str) -> ExportedConversation | None:
    row = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one_or_none()
    if row is None:
        return None
    query = select(messages).where(messages.c.conversation_id == conversation_id, not_(running))
    said = [stored_message(each) for each in connection.execute(query.order_by(messages.c.sequence))]
    return ExportedConversation(_conversation(row), posted_messages(row.posted), row.follows, said)


def _conversation(row: Any) -> Conversation:
    return Conversation(row.id, row.wire, row.owner, row.title, row.end_user, row.state, row.created_at, row.updated_at)
