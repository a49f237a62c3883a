"""The runs of workflows, recorded step by step."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.engine.errors import ChatError, Problem
from app.store.database import Database
from app.store.tables import conversations, now, run_steps, runs

MOST_RESULT = 16_000  # characters of a step's result, or of its JSON
MOST_REASON = 4000  # characters of why it failed

RunStatus = Literal["running", "complete", "failed", "interrupted"]
StepStatus = Literal["complete", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """How a step went; times in epoch milliseconds, `result` any JSON value. What is kept of a large one is its
    beginning: {"truncated": true, "beginning": "…"}."""

    step_id: str
    status: StepStatus
    started_at: int
    ended_at: int
    result: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run, which has the id of the answer that it made, and its steps in the order in which they ended.

    `workflow_id` may be that of a workflow which is no more. Times in epoch milliseconds.
    """

    id: str
    conversation_id: str
    workflow_id: str
    version: int
    status: RunStatus
    error: str | None
    created_at: int
    ended_at: int | None
    steps: tuple[StepRecord, ...] = ()


class RunStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, run_id: str, conversation_id: str, workflow_id: str, version: int) -> None:
        """Raises ChatError(NOT_FOUND) where the conversation was deleted meanwhile."""
        row = {
            "id": run_id,
            "conversation_id": conversation_id,
            "workflow_id": workflow_id,
            "version": version,
            "status": "running",
            "created_at": now(),
        }
        try:
            self._database.write(lambda connection: connection.execute(insert(runs).values(row)))
        except IntegrityError as error:
            raise ChatError(Problem.NOT_FOUND) from error

    def add_steps(self, run_id: str, steps: Sequence[StepRecord]) -> None:
        """Those that are there already are written anew: who is stopped in the middle says it again."""
        there = select(runs.c.id).where(runs.c.id == run_id)

        def work(connection: Connection) -> None:
            if connection.execute(there).first():  # otherwise its conversation was erased meanwhile
                _add(connection, run_id, steps)

        if steps:
            self._database.write(work)

    def end(self, run_id: str, status: RunStatus, error: str | None, steps: Sequence[StepRecord]) -> None:
        """With the last steps. A run whose conversation was erased meanwhile is none any more."""
        query = update(runs).where(runs.c.id == run_id).values(status=status, error=error, ended_at=now())

        def work(connection: Connection) -> None:
            if connection.execute(query).rowcount:
                _add(connection, run_id, steps)

        self._database.write(work)

    def end_abandoned(self) -> None:
        """At the start of the only worker: nothing runs, whatever a worker that was killed has left."""
        query = update(runs).where(runs.c.status == "running").values(status="interrupted", ended_at=now())
        self._database.write(lambda connection: connection.execute(query))

    def of_conversation(self, conversation_id: str, limit: int, offset: int = 0) -> list[RunRecord]:
        """Newest first, without their steps."""
        query = select(runs).where(runs.c.conversation_id == conversation_id)
        query = query.order_by(runs.c.created_at.desc(), runs.c.id).limit(limit).offset(offset)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [RunRecord(*row) for row in rows]

    def find(self, run_id: str, owner: str) -> RunRecord | None:
        """None too where the conversation is another's."""
        query = select(runs).join(conversations).where(runs.c.id == run_id, conversations.c.owner == owner)
        steps = select(run_steps).where(run_steps.c.run_id == run_id)
        steps = steps.order_by(run_steps.c.number, run_steps.c.ended_at, run_steps.c.step_id)

        def work(connection: Connection) -> RunRecord | None:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            found = tuple(StepRecord(*step[1:-1]) for step in connection.execute(steps))
            return replace(RunRecord(*row), steps=found)

        return self._database.read(work)


def _add(connection: Connection, run_id: str, steps: Sequence[StepRecord]) -> None:
    if steps:
        known = run_steps.c.step_id.in_([step.step_id for step in steps])
        connection.execute(delete(run_steps).where(run_steps.c.run_id == run_id, known))
        last = select(func.coalesce(func.max(run_steps.c.number), 0)).where(run_steps.c.run_id == run_id)
        rows = enumerate(steps, connection.execute(last).scalar_one() + 1)
        written = [{"run_id": run_id, "number": number, **asdict(_shortened(step))} for number, step in rows]
        connection.execute(insert(run_steps), written)


def _shortened(step: StepRecord) -> StepRecord:
    """What a step brought is kept for whoever looks at the run later, and need not be whole for that."""
    text = step.result if isinstance(step.result, str) else json.dumps(step.result, ensure_ascii=False)
    if len(text) > MOST_RESULT:
        step = replace(step, result={"truncated": True, "beginning": text[:MOST_RESULT]})
    if step.error and len(step.error) > MOST_REASON:
        step = replace(step, error=f"{step.error[:MOST_REASON]}…")
    return step
