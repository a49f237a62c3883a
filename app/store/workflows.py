"""Users' own workflows. Each change makes a new version; the last ones stay, and those that runs refer to."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from app.engine.errors import ChatError, Problem
from app.store.database import Database
from app.store.tables import now, runs, workflow_versions, workflows

MOST_WORKFLOWS = 100  # of one user
MOST_VERSIONS = 50  # of one workflow, beside those that runs refer to


@dataclass(frozen=True, slots=True)
class StoredWorkflow:
    """The latest version. `written` is its definition; times in epoch milliseconds."""

    id: str
    version: int
    written: Mapping[str, Any]
    created_at: int
    updated_at: int


_LATEST = select(
    workflows.c.id, workflows.c.version, workflow_versions.c.written, workflows.c.created_at, workflows.c.updated_at
).join(
    workflow_versions,
    and_(workflow_versions.c.workflow_id == workflows.c.id, workflow_versions.c.version == workflows.c.version),
)


class WorkflowStore:
    """Every call is about one user's workflows. Another's is ChatError(NOT_FOUND), as one that never was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, user_id: str) -> list[StoredWorkflow]:
        """Oldest first."""
        query = _LATEST.where(workflows.c.user_id == user_id).order_by(workflows.c.created_at, workflows.c.id)
        return [StoredWorkflow(*row) for row in self._database.read(lambda connection: connection.execute(query).all())]

    def find(self, user_id: str, workflow_id: str) -> StoredWorkflow:
        return self._database.read(lambda connection: _find(connection, user_id, workflow_id))

    def add(self, user_id: str, written: Mapping[str, Any]) -> StoredWorkflow:
        """Raises ChatError(INVALID) where the user has too many."""
        time = now()
        made = StoredWorkflow(uuid.uuid4().hex, 1, written, time, time)

        def work(connection: Connection) -> None:
            query = select(func.count()).select_from(workflows).where(workflows.c.user_id == user_id)
            if connection.execute(query).scalar_one() >= MOST_WORKFLOWS:
                raise ChatError(Problem.INVALID, f"You have {MOST_WORKFLOWS} workflows, which is the most.")
            row = {"id": made.id, "user_id": user_id, "version": 1, "created_at": time, "updated_at": time}
            connection.execute(insert(workflows).values(row))
            _add_version(connection, made)

        self._database.write(work)
        return made

    def change(self, user_id: str, workflow_id: str, version: int, written: Mapping[str, Any]) -> StoredWorkflow:
        """A new version behind `version`. Raises ChatError: NOT_FOUND, or CHANGED where another came in between."""
        time = now()

        def work(connection: Connection) -> StoredWorkflow:
            known = _find(connection, user_id, workflow_id)
            if known.version != version:
                raise ChatError(Problem.CHANGED, "The workflow was changed meanwhile")
            made = StoredWorkflow(workflow_id, version + 1, written, known.created_at, time)
            query = update(workflows).where(workflows.c.id == workflow_id)
            connection.execute(query.values(version=made.version, updated_at=time))
            _add_version(connection, made)
            _forget_versions(connection, made)
            return made

        return self._database.write(work)

    def remove(self, user_id: str, workflow_id: str) -> None:
        query = delete(workflows).where(workflows.c.id == workflow_id, workflows.c.user_id == user_id)
        if not self._database.write(lambda connection: connection.execute(query).rowcount):
            raise ChatError(Problem.NOT_FOUND)


def _find(connection: Connection, user_id: str, workflow_id: str) -> StoredWorkflow:
    query = _LATEST.where(workflows.c.id == workflow_id, workflows.c.user_id == user_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise ChatError(Problem.NOT_FOUND)
    return StoredWorkflow(*row)


def _add_version(connection: Connection, made: StoredWorkflow) -> None:
    row = {
        "workflow_id": made.id,
        "version": made.version,
        "written": made.written,
        "created_at": made.updated_at,
    }
    connection.execute(insert(workflow_versions).values(row))


def _forget_versions(connection: Connection, latest: StoredWorkflow) -> None:
    if latest.version > MOST_VERSIONS:
        versions = workflow_versions.c
        used = select(runs.c.version).where(runs.c.workflow_id == latest.id)
        old = versions.workflow_id == latest.id, versions.version <= latest.version - MOST_VERSIONS
        connection.execute(delete(workflow_versions).where(*old, versions.version.not_in(used)))
