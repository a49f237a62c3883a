"""Reading conversations back: for the callers who own them, and for the operator."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, or_, select, update

from app.engine.errors import ChatError, Problem
from app.engine.messages import Message
from app.store import parts
from app.store.database import Database
from app.store.tables import conversations, messages

T = TypeVar("T")
State = Literal["ongoing", "ended", "taken_over", "paused"]
Feedback = Literal["positive", "negative"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Times are epoch milliseconds. `owner` is who held the credential: only where that is a
    user or a signed visitor is it certain that `end_user` took part; others may name whom they like."""

    id: str
    wire: str
    owner: str
    title: str | None
    end_user: str | None
    state: State
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it is kept. `credits`, `finish_reason` and `model` are an answer's."""

    id: str
    sequence: int
    message: Message
    created_at: int
    status: str
    feedback: Feedback | None
    finish_reason: str | None
    credits: int | None
    model: str | None


@dataclass(frozen=True, slots=True)
class HistoryScope:
    """Whose conversations: an owner's, on one wire, with one agent."""

    agent: str
    wire: str
    owner: str


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations, newest first: those of an end user, made in a time (epoch milliseconds, from <= t < until),
    behind a position (time, id); by their beginning, or by their last activity."""

    limit: int
    end_user: str | None = None
    made_from: int | None = None
    made_until: int | None = None
    behind: tuple[int, str] | None = None
    by_activity: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`total` counts what there is without paging."""

    items: Sequence[T]
    has_more: bool
    total: int


class HistoryStore:
    """Another owner's conversation is ChatError(NOT_FOUND), as one that never was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def conversations(self, place: HistoryScope, wanted: ConversationFilter) -> Page[Conversation]:
        time = conversations.c.updated_at if wanted.by_activity else conversations.c.created_at
        matching = and_(_of(place), *_filters(wanted))
        query = select(conversations).where(matching)
        if wanted.behind:
            before, last_id = wanted.behind
            query = query.where(or_(time < before, and_(time == before, conversations.c.id < last_id)))
        query = query.order_by(time.desc(), conversations.c.id.desc()).limit(wanted.limit + 1)

        def work(connection: Connection) -> Page[Conversation]:
            found = [_conversation(row) for row in connection.execute(query)]
            total = connection.execute(select(func.count()).select_from(conversations).where(matching)).scalar_one()
            return Page(found[: wanted.limit], len(found) > wanted.limit, total)

        return self._database.read(work)

    def conversation(self, place: HistoryScope, conversation_id: str) -> Conversation:
        return self._database.read(lambda connection: _own(connection, place, conversation_id))

    def messages(
        self, place: HistoryScope, conversation_id: str, limit: int, before: int | None
    ) -> Page[StoredMessage]:
        """The last `limit` messages in front of the sequence number `before`, oldest first."""
        shown = and_(messages.c.conversation_id == conversation_id, messages.c.status != "superseded")
        query = select(messages).where(shown)
        if before is not None:
            query = query.where(messages.c.sequence < before)
        query = query.order_by(messages.c.sequence.desc()).limit(limit + 1)

        def work(connection: Connection) -> Page[StoredMessage]:
            _own(connection, place, conversation_id)
            found = [stored_message(row) for row in connection.execute(query)]
            total = connection.execute(select(func.count()).select_from(messages).where(shown)).scalar_one()
            return Page(found[:limit][::-1], len(found) > limit, total)

        return self._database.read(work)

    def latest(
        self, place: HistoryScope, external_id: str | None, limit: int
    ) -> tuple[str | None, Sequence[StoredMessage]] | None:
        """The external id and the last messages, oldest first, of the conversation that was last spoken in, or of that
        with the external id."""
        query = select(conversations.c.id, conversations.c.external_id).where(_of(place))
        if external_id is not None:
            query = query.where(conversations.c.external_id == external_id)
        query = query.order_by(conversations.c.updated_at.desc(), conversations.c.id.desc()).limit(1)

        def work(connection: Connection) -> tuple[str | None, Sequence[StoredMessage]] | None:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            shown = select(messages).where(messages.c.conversation_id == row.id, messages.c.status != "superseded")
            rows = connection.execute(shown.order_by(messages.c.sequence.desc()).limit(limit)).all()
            return row.external_id, [stored_message(each) for each in reversed(rows)]

        return self._database.read(work)

    def set_state(self, place: HistoryScope, conversation_id: str, state: State) -> None:
        def work(connection: Connection) -> None:
            _own(connection, place, conversation_id)
            connection.execute(update(conversations).where(conversations.c.id == conversation_id).values(state=state))

        self._database.write(work)

    def rate(
        self, place: HistoryScope, conversation_id: str, message_id: str, feedback: Feedback | None
    ) -> StoredMessage:
        """Raises ChatError: MESSAGE_NOT_FOUND, NOT_AN_ANSWER."""

        def work(connection: Connection) -> StoredMessage:
            _own(connection, place, conversation_id)
            found = select(messages).where(
                messages.c.id == message_id,
                messages.c.conversation_id == conversation_id,
                messages.c.status != "superseded",
            )
            row = connection.execute(found).one_or_none()
            if row is None:
                raise ChatError(Problem.MESSAGE_NOT_FOUND)
            if row.role != "assistant":
                raise ChatError(Problem.NOT_AN_ANSWER)
            connection.execute(update(messages).where(messages.c.id == message_id).values(feedback=feedback))
            return stored_message(connection.execute(found).one())

        return self._database.write(work)

    def export(self, agent: str, end_user: str | None) -> Iterator[tuple[Conversation, list[StoredMessage]]]:
        """Every conversation with an agent, or those of one end user, oldest first; superseded messages too."""
        matching = and_(conversations.c.agent == agent, *([conversations.c.end_user == end_user] if end_user else []))
        ids = self._database.read(
            lambda connection: connection.execute(
                select(conversations.c.id).where(matching).order_by(conversations.c.created_at, conversations.c.id)
            ).scalars().all()
        )  # fmt: skip
        for conversation_id in ids:
            found = self._database.read(lambda connection, each=conversation_id: _whole(connection, each))  # type: ignore[misc]
            if found:
                yield found

    def erase(self, end_user: str) -> int:
        """Delete all conversations of an end user, with whatever agent; returns how many there were.

        What was deleted is overwritten in SQLite's file, and its log is emptied.
        """
        theirs = select(conversations.c.id).where(conversations.c.end_user == end_user)

        def work(connection: Connection) -> int:
            connection.execute(delete(messages).where(messages.c.conversation_id.in_(theirs)))
            return connection.execute(delete(conversations).where(conversations.c.end_user == end_user)).rowcount

        erased = self._database.write(work)
        self._database.checkpoint()
        return erased


def _of(place: HistoryScope) -> ColumnElement[bool]:
    return and_(
        conversations.c.owner == place.owner,
        conversations.c.wire == place.wire,
        conversations.c.agent == place.agent,
    )


def _filters(wanted: ConversationFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.end_user is not None:
        yield conversations.c.end_user == wanted.end_user
    if wanted.made_from is not None:
        yield conversations.c.created_at >= wanted.made_from
    if wanted.made_until is not None:
        yield conversations.c.created_at < wanted.made_until


def _own(connection: Connection, place: HistoryScope, conversation_id: str) -> Conversation:
    query: Select[Any] = select(conversations).where(conversations.c.id == conversation_id, _of(place))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise ChatError(Problem.NOT_FOUND)
    return _conversation(row)


def _whole(connection: Connection, conversation_id: str) -> tuple[Conversation, list[StoredMessage]] | None:
    row = connection.execute(select(conversations).where(conversations.c.id == conversation_id)).one_or_none()
    said = select(messages).where(messages.c.conversation_id == conversation_id).order_by(messages.c.sequence)
    return (_conversation(row), [stored_message(each) for each in connection.execute(said)]) if row else None


def _conversation(row: Any) -> Conversation:
    return Conversation(row.id, row.wire, row.owner, row.title, row.end_user, row.state, row.created_at, row.updated_at)


def stored_message(row: Any) -> StoredMessage:
    """From a row of the table."""
    return StoredMessage(
        id=row.id,
        sequence=row.sequence,
        message=parts.message(row.role, row.parts),
        created_at=row.created_at,
        status=row.status,
        feedback=row.feedback,
        finish_reason=row.finish_reason,
        credits=row.credits,
        model=row.model,
    )
