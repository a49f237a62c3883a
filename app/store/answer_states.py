"""How an answer stands, also while it is being made: for those who read on, stop it, or ask the same again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, literal_column, null, select

from app.engine.errors import ChatError, Problem
from app.engine.events import TurnFailed, TurnFinished, TurnStarted
from app.engine.messages import FinishReason, Message, Usage
from app.store.database import Database
from app.store.earlier_answers import said_then
from app.store.histories import HistoryScope
from app.store.parts import message_from_json
from app.store.tables import conversations, earlier_answers, messages

_kept = messages.c.status != literal_column("'superseded'")
_QUESTION = messages.alias()


def _answers(*columns: Any) -> Any:
    return select(
        *columns,
        *(conversations.c.end_user, conversations.c.updated_at),
        # The message in front of it that asks.
        select(func.max(_QUESTION.c.sequence))
        .where(
            _QUESTION.c.conversation_id == messages.c.conversation_id,
            _QUESTION.c.sequence < messages.c.sequence,
            _QUESTION.c.role == literal_column("'user'"),
        )
        .scalar_subquery()
        .label("asked"),
    ).join(conversations, conversations.c.id == messages.c.conversation_id)


_ANSWERS = _answers(messages).where(messages.c.role == literal_column("'assistant'"), _kept)
_LATEST = (
    _ANSWERS.where(messages.c.conversation_id == bindparam("conversation"))
    .order_by(messages.c.sequence.desc())
    .limit(1)
)
_NUMBERED = _ANSWERS.where(messages.c.id == bindparam("answer"))
_BY_ID = _NUMBERED.where(
    and_(
        conversations.c.agent == bindparam("agent"),
        conversations.c.wire == bindparam("wire"),
        conversations.c.owner == bindparam("owner"),
    ),
)
_ASKED_WITH = _answers(messages).where(messages.c.request_key == bindparam("key"))
_SINCE = {"status_before", *earlier_answers.c.keys()}  # what an answer's row says is of what it has become
_ASKED_WITH_BEFORE = (
    _answers(
        *(column for column in messages.c if column.name not in _SINCE), earlier_answers, null().label("status_before")
    )
    .join(earlier_answers, earlier_answers.c.answer_id == messages.c.id)
    .where(earlier_answers.c.request_key == bindparam("key"))
)
_ASKED = select(messages.c.id).where(
    messages.c.conversation_id == bindparam("conversation"), messages.c.sequence == bindparam("asked")
)


@dataclass(frozen=True, slots=True)
class AnswerState:
    """An answer as its row has it, or had it when its caller heard of it. `status` is running, complete, interrupted or
    failed; of one that runs, `message` has what was saved of it, and `worker` is who makes it. `updated_at` is when
    something last happened in its conversation. `request` is what its caller may look up of its request, if anything.
    """

    id: str
    conversation_id: str
    question_id: str
    end_user: str | None
    created_at: int
    status: str
    message: Message
    finish_reason: FinishReason
    usage: Usage
    credits: int
    model: str | None
    worker: str | None
    updated_at: int = 0
    request: Mapping[str, Any] | None = None

    @property
    def first_event(self) -> TurnStarted:
        return TurnStarted(self.conversation_id, self.question_id, self.id, self.end_user, self.created_at, self.model)

    def runs_elsewhere(self, worker: str) -> bool:
        """Whether another worker than this one makes it."""
        return self.status == "running" and self.worker != worker

    @property
    def last_event(self) -> TurnFinished | TurnFailed:
        """As its caller heard it, or would have."""
        if self.status == "complete":
            return TurnFinished(
                self.message, self.finish_reason, self.usage, self.conversation_id, self.credits, self.model
            )
        problem = Problem.LOST if self.status == "running" else Problem.BROKEN_OFF
        return TurnFailed(ChatError(problem))


class AnswerStates:
    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, conversation_id: str) -> AnswerState | None:
        """The last answer of a conversation that is known to be the caller's; None where it has none."""
        return self._database.read(lambda connection: _one(connection, _LATEST, {"conversation": conversation_id}))

    def numbered(self, answer_id: str) -> AnswerState | None:
        """The answer with this id, which is known to be the caller's; None where it is gone."""
        return self._database.read(lambda connection: _one(connection, _NUMBERED, {"answer": answer_id}))

    def asked_with(self, key: str) -> AnswerState | None:
        """What was said to the request with this key, which is known to be the caller's: the answer, also where that
        has made room for another one, or what it had said when it went on for another request. None where it is gone.
        Raises ChatError(CHANGED) where that stands there no more."""
        return self._database.read(lambda connection: _asked_with(connection, {"key": key}))

    def named(self, scope: HistoryScope, answer_id: str) -> AnswerState:
        """Raises ChatError(NOT_FOUND) where there is none in the scope."""
        values = {"answer": answer_id, "agent": scope.agent, "wire": scope.wire, "owner": scope.owner}
        found = self._database.read(lambda connection: _one(connection, _BY_ID, values))
        if found is None:
            raise ChatError(Problem.NOT_FOUND)
        return found


def _one(connection: Connection, query: Any, values: dict[str, Any]) -> AnswerState | None:
    row = connection.execute(query, values).one_or_none()
    return _state(connection, row, row.parts) if row else None


def _asked_with(connection: Connection, key: dict[str, Any]) -> AnswerState | None:
    found = _one(connection, _ASKED_WITH, key)
    row = None if found else connection.execute(_ASKED_WITH_BEFORE, key).one_or_none()
    if row is None:
        return found
    said = said_then(row)
    if said is None:
        raise ChatError(Problem.CHANGED, "The answer to this Idempotency-Key has made room for another one")
    return _state(connection, row, said)


def _state(connection: Connection, row: Any, said: Sequence[Any]) -> AnswerState:
    question = connection.execute(_ASKED, {"conversation": row.conversation_id, "asked": row.asked}).scalar()
    return AnswerState(
        id=row.id,
        conversation_id=row.conversation_id,
        question_id=question or "",
        end_user=row.end_user,
        created_at=row.created_at,
        status=row.status_before or row.status,
        message=message_from_json(row.role, said),
        finish_reason=row.finish_reason or "other",
        usage=Usage(row.prompt_tokens or 0, row.completion_tokens or 0),
        credits=row.credits or 0,
        model=row.model,
        worker=row.worker,
        updated_at=row.updated_at,
        request=row.request,
    )
