"""Runs of workflows, recorded step by step."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from typing import Any, Literal

from sqlalchemy import Connection, Text, bindparam, case, cast, delete, exists, func, insert, not_, select, update
from sqlalchemy.exc import IntegrityError

from app.engine.errors import ChatError, Problem
from app.store.database import Database
from app.store.pages import fetch_page, json_bytes
from app.store.tables import conversations, messages, now, run_steps, running, runs
from app.store.trips import unanswered

MOST_RESULT_CHARACTERS = 16_000  # of a step's result, or of its JSON
MOST_ERROR_CHARACTERS = 4000
RECORD_SECONDS = 1.0  # how long a run waits for its record to be stored, which may be done later as well

# The fence: the answer's worker was not buried, which alone takes it from a row. Its run was ended then.
_NOT_BURIED = not_(exists().where(messages.c.id == bindparam("run"), messages.c.worker.is_(None)))
# Locked: steps that end side by side are numbered one after the other.
_WRITABLE = select(runs.c.id).where(runs.c.id == bindparam("run"), _NOT_BURIED).with_for_update(key_share=True)

RunStatus = Literal["running", "complete", "failed", "interrupted"]
StepStatus = Literal["complete", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """How a step went; times in epoch milliseconds.

    `result` is any JSON value; of one that is too long the store keeps {"truncated": true, "beginning": "…"}, of an
    `error` (the reason of a failure) the beginning.
    """

    step_id: str
    status: StepStatus
    started_at: int
    ended_at: int
    result: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended, and the steps that are to be stored with that; `ended_at` in epoch milliseconds."""

    run_id: str
    status: RunStatus
    error: str | None
    steps: Sequence[StepRecord]
    ended_at: int


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run and a page of its steps, in the order in which they ended; times in epoch milliseconds.

    `id` is that of the answer that the run made. The workflow of `workflow_id` may have been deleted since.
    """

    id: str
    conversation_id: str
    workflow_id: str
    version: int
    status: RunStatus
    error: str | None
    created_at: int
    ended_at: int | None
    steps: Sequence[StepRecord] = ()
    more_steps: bool = False


class RunStore:
    """Runs of all conversations. Writing to a run whose conversation was erased meanwhile, or whose worker was buried,
    changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, run_id: str, conversation_id: str, workflow_id: str, version: int) -> None:
        """Store a run as `running`. Raises ChatError: NOT_FOUND where the conversation was deleted meanwhile, LOST
        where the worker was buried."""
        row = {
            "id": run_id,
            "conversation_id": conversation_id,
            "workflow_id": workflow_id,
            "version": version,
            "status": "running",
            "created_at": now(),
        }

        def work(connection: Connection) -> None:
            if not connection.execute(select(_NOT_BURIED), {"run": run_id}).scalar():
                raise ChatError(Problem.LOST)
            connection.execute(unanswered(insert(runs).values(row)))

        try:
            self._database.write(work)
        except IntegrityError as error:
            raise ChatError(Problem.NOT_FOUND) from error

    def add_steps(self, run_id: str, steps: Sequence[StepRecord]) -> None:
        """Store steps that have ended, in place of those with the same ids: a call that was cut short is repeated.

        Raises StoreError where they cannot be stored within RECORD_SECONDS.
        """

        def work(connection: Connection) -> None:
            if connection.execute(_WRITABLE, {"run": run_id}).first():
                _add_steps(connection, run_id, steps)

        if steps:
            self._database.write(work, RECORD_SECONDS)

    def end(self, run_id: str, status: RunStatus, error: str | None, steps: Sequence[StepRecord]) -> None:
        """Store how the run ended, now, and its last steps. `RetryingRunStore` keeps what cannot be stored."""
        self.store_end(RunEnd(run_id, status, error, steps, now()), RECORD_SECONDS)

    def store_end(self, ended: RunEnd, seconds: float) -> None:
        """Store how the run ended. Raises StoreError where that does not begin within `seconds`."""
        columns = {"status": ended.status, "error": _cut(ended.error), "ended_at": ended.ended_at}
        query = update(runs).where(runs.c.id == bindparam("run"), _NOT_BURIED).values(columns)

        def work(connection: Connection) -> None:
            if connection.execute(query, {"run": ended.run_id}).rowcount:
                _add_steps(connection, ended.run_id, ended.steps)

        self._database.write(work, seconds)

    def of_conversation(self, conversation_id: str, limit: int, offset: int = 0) -> list[RunRecord]:
        """At most `limit` runs of the conversation, newest first, after the first `offset`; without their steps."""
        query = select(runs).where(runs.c.conversation_id == conversation_id)
        query = query.order_by(runs.c.created_at.desc(), runs.c.id).limit(limit).offset(offset)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [RunRecord(*row) for row in rows]

    def find(self, run_id: str, owner: str, limit: int = 100, offset: int = 0) -> RunRecord | None:
        """The run, and the page of at most `limit` of its steps after the first `offset`, in the order in which they
        ended; None where there is none or its conversation is another owner's."""
        query = select(runs).join(conversations).where(runs.c.id == run_id, conversations.c.owner == owner)
        steps = select(run_steps, json_bytes(run_steps.c.result)).where(run_steps.c.run_id == run_id)
        steps = steps.order_by(run_steps.c.number, run_steps.c.ended_at, run_steps.c.step_id).offset(offset)

        def work(connection: Connection) -> RunRecord | None:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            page = fetch_page(connection, steps, limit, attrgetter("json_bytes"), _step)
            return replace(RunRecord(*row), steps=page.items, more_steps=page.has_more)

        return self._database.read(work)

    def stored_bytes(self, run_id: str) -> int:
        """What the results of the run's steps take."""
        query = select(func.coalesce(func.sum(func.length(cast(run_steps.c.result, Text))), 0))
        query = query.where(run_steps.c.run_id == run_id)
        return int(self._database.read(lambda connection: connection.execute(query).scalar_one()))


def end_abandoned(connection: Connection, run_id: str | None = None) -> None:
    """End every run, or this one, if its answer does not run any more, as the answer has ended: its worker was killed,
    or could not store the end."""
    ended = select(messages.c.status).where(messages.c.id == runs.c.id).scalar_subquery()
    status = case((ended.in_(("complete", "failed")), ended), else_="interrupted")
    abandoned = not_(exists().where(messages.c.id == runs.c.id, running))
    query = unanswered(update(runs).where(runs.c.status == "running", abandoned))
    query = query.values(status=status, ended_at=now())
    connection.execute(query if run_id is None else query.where(runs.c.id == run_id))


def _add_steps(connection: Connection, run_id: str, steps: Sequence[StepRecord]) -> None:
    if steps:
        again = run_steps.c.step_id.in_([step.step_id for step in steps])
        connection.execute(unanswered(delete(run_steps).where(run_steps.c.run_id == run_id, again)))
        last = select(func.coalesce(func.max(run_steps.c.number), 0)).where(run_steps.c.run_id == run_id)
        numbered = enumerate(steps, connection.execute(last).scalar_one() + 1)
        rows = [{"run_id": run_id, "number": number, **asdict(shortened(step))} for number, step in numbered]
        connection.execute(unanswered(insert(run_steps)), rows)


def _step(row: Any) -> StepRecord:
    return StepRecord(row.step_id, row.status, row.started_at, row.ended_at, row.result, row.error)


def shortened(step: StepRecord) -> StepRecord:
    """The step as it is stored: a long result or error is cut, for it is only looked at."""
    text = step.result if isinstance(step.result, str) else json.dumps(step.result, ensure_ascii=False)
    if len(text) > MOST_RESULT_CHARACTERS:
        step = replace(step, result={"truncated": True, "beginning": text[:MOST_RESULT_CHARACTERS]})
    return replace(step, error=_cut(step.error))


def _cut(error: str | None) -> str | None:
    return f"{error[:MOST_ERROR_CHARACTERS]}…" if error and len(error) > MOST_ERROR_CHARACTERS else error
