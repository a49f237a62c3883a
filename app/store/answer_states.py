"""How an answer stands, also while it is being made: for those who read on, stop it, or ask the same again."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, literal_column, select

from app.engine.errors import ChatError, Problem
from app.engine.events import TurnFailed, TurnFinished, TurnStarted
from app.engine.messages import FinishReason, Message, Usage
from app.store.database import Database
from app.store.histories import HistoryScope
from app.store.messages import stored_message
from app.store.tables import conversations, messages

_kept = messages.c.status != literal_column("'superseded'")
_QUESTION = messages.alias()
_ANSWERS = (
    select(
        messages,
        conversations.c.end_user,
        # The message in front of it that asks.
        select(func.max(_QUESTION.c.sequence))
        .where(
            _QUESTION.c.conversation_id == messages.c.conversation_id,
            _QUESTION.c.sequence < messages.c.sequence,
            _QUESTION.c.role == literal_column("'user'"),
        )
        .scalar_subquery()
        .label("asked"),
    )
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(messages.c.role == literal_column("'assistant'"), _kept)
)
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
_ASKED = select(messages.c.id).where(
    messages.c.conversation_id == bindparam("conversation"), messages.c.sequence == bindparam("asked")
)


@dataclass(frozen=True, slots=True)
class AnswerState:
    """An answer as its row has it. `status` is running, complete, interrupted or failed; of one that runs, `message`
    has what was saved of it."""

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

    @property
    def first_event(self) -> TurnStarted:
        return TurnStarted(self.conversation_id, self.question_id, self.id, self.end_user, self.created_at, self.model)

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

    def named(self, scope: HistoryScope, answer_id: str) -> AnswerState:
        """Raises ChatError(NOT_FOUND) where there is none in the scope."""
        values = {"answer": answer_id, "agent": scope.agent, "wire": scope.wire, "owner": scope.owner}
        found = self._database.read(lambda connection: _one(connection, _BY_ID, values))
        if found is None:
            raise ChatError(Problem.NOT_FOUND)
        return found


def _one(connection: Connection, query: Any, values: dict[str, Any]) -> AnswerState | None:
    row = connection.execute(query, values).one_or_none()
    if row is None:
        return None
    said = stored_message(row)
    question = connection.execute(_ASKED, {"conversation": row.conversation_id, "asked": row.asked}).scalar()
    return AnswerState(
        id=row.id,
        conversation_id=row.conversation_id,
        question_id=question or "",
        end_user=row.end_user,
        created_at=row.created_at,
        status=row.status,
        message=said.message,
        finish_reason=row.finish_reason or "other",
        usage=said.usage,
        credits=row.credits or 0,
        model=row.model,
    )
