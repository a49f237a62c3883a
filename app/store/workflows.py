"""Users' own workflows. Each change stores a new version; the latest MOST_VERSIONS are kept, and all that runs refer
to."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from app.engine.errors import ChatError, Problem
from app.store.database import Database
from app.store.pages import Page, fetch_page, json_bytes
from app.store.row_locks import lock_row
from app.store.tables import now, runs, users, workflow_versions, workflows
from app.store.trips import unanswered

MOST_WORKFLOWS = 100  # of one user
MOST_VERSIONS = 50  # of one workflow, not counting older ones that runs refer to


@dataclass(frozen=True, slots=True)
class StoredWorkflow:
    """The latest version of a workflow. `definition` is what its user wrote, checked; times in epoch milliseconds."""

    id: str
    version: int
    definition: Mapping[str, Any]
    created_at: int
    updated_at: int


_LATEST = select(
    workflows.c.id, workflows.c.version, workflow_versions.c.written, workflows.c.created_at, workflows.c.updated_at
).join(
    workflow_versions,
    and_(workflow_versions.c.workflow_id == workflows.c.id, workflow_versions.c.version == workflows.c.version),
)


class WorkflowStore:
    """The workflows of one user at a time: another user's raises ChatError(NOT_FOUND), like one that does not exist."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, user_id: str, limit: int, after: tuple[int, str] | None = None) -> Page[StoredWorkflow]:
        """The user's workflows, oldest first: at most `limit` behind the one that `after` names by the time of its
        creation and its id."""
        query = _LATEST.add_columns(json_bytes(workflow_versions.c.written)).where(workflows.c.user_id == user_id)
        if after:
            time, last_id = after
            later = workflows.c.created_at > time
            query = query.where(or_(later, and_(workflows.c.created_at == time, workflows.c.id > last_id)))
        query = query.order_by(workflows.c.created_at, workflows.c.id)
        size = attrgetter("json_bytes")
        return self._database.read(lambda connection: fetch_page(connection, query, limit, size, _stored))

    def find(self, user_id: str, workflow_id: str) -> StoredWorkflow:
        """The workflow in its latest version. Raises ChatError(NOT_FOUND)."""
        return self._database.read(lambda connection: _find(connection, user_id, workflow_id))

    def add(self, user_id: str, definition: Mapping[str, Any]) -> StoredWorkflow:
        """Store version 1 of a new workflow and return it. Raises ChatError(INVALID) where the user has MOST_WORKFLOWS
        already."""
        time = now()
        created = StoredWorkflow(uuid.uuid4().hex, 1, definition, time, time)

        def work(connection: Connection) -> None:
            lock_row(connection, users.c.id, user_id)
            query = select(func.count()).select_from(workflows).where(workflows.c.user_id == user_id)
            if connection.execute(query).scalar_one() >= MOST_WORKFLOWS:
                raise ChatError(Problem.INVALID, f"You have {MOST_WORKFLOWS} workflows, which is the most.")
            row = {"id": created.id, "user_id": user_id, "version": 1, "created_at": time, "updated_at": time}
            connection.execute(unanswered(insert(workflows).values(row)))
            _add_version(connection, created)

        self._database.write(work)
        return created

    def change(self, user_id: str, workflow_id: str, version: int, definition: Mapping[str, Any]) -> StoredWorkflow:
        """Store `definition` as version `version` + 1 and return it; versions that are not kept are deleted.

        Raises ChatError: NOT_FOUND, or CHANGED where `version` is not the latest any more.
        """
        time = now()

        def work(connection: Connection) -> StoredWorkflow:
            lock_row(connection, workflows.c.id, workflow_id)
            current = _find(connection, user_id, workflow_id)
            if current.version != version:
                raise ChatError(Problem.CHANGED, "The workflow was changed meanwhile")
            changed = StoredWorkflow(workflow_id, version + 1, definition, current.created_at, time)
            query = unanswered(update(workflows).where(workflows.c.id == workflow_id))
            connection.execute(query.values(version=changed.version, updated_at=time))
            _add_version(connection, changed)
            _delete_old_versions(connection, changed)
            return changed

        return self._database.write(work)

    def remove(self, user_id: str, workflow_id: str) -> None:
        """Delete the workflow and its versions; its runs stay. Raises ChatError(NOT_FOUND)."""
        query = delete(workflows).where(workflows.c.id == workflow_id, workflows.c.user_id == user_id)
        if not self._database.write(lambda connection: connection.execute(query).rowcount):
            raise ChatError(Problem.NOT_FOUND)


def _stored(row: Any) -> StoredWorkflow:
    return StoredWorkflow(row.id, row.version, row.written, row.created_at, row.updated_at)


def _find(connection: Connection, user_id: str, workflow_id: str) -> StoredWorkflow:
    query = _LATEST.where(workflows.c.id == workflow_id, workflows.c.user_id == user_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise ChatError(Problem.NOT_FOUND)
    return _stored(row)


def _add_version(connection: Connection, workflow: StoredWorkflow) -> None:
    row = {
        "workflow_id": workflow.id,
        "version": workflow.version,
        "written": workflow.definition,
        "created_at": workflow.updated_at,
    }
    connection.execute(unanswered(insert(workflow_versions).values(row)))


def _delete_old_versions(connection: Connection, latest: StoredWorkflow) -> None:
    if latest.version > MOST_VERSIONS:
        versions = workflow_versions.c
        used = select(runs.c.version).where(runs.c.workflow_id == latest.id)
        old = versions.workflow_id == latest.id, versions.version <= latest.version - MOST_VERSIONS
        connection.execute(unanswered(delete(workflow_versions).where(*old, versions.version.not_in(used))))
