"""Who did what to keys, users and conversations: a row for each deed, written in its transaction.

It holds ids and settings; no secret, no address, no name of an end user, and nothing that was said.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, or_, select, update

from app.store.database import Database
from app.store.faults import process_user
from app.store.tables import audit, now
from app.store.trips import unanswered

Action = Literal[
    "key.created",
    "key.updated",
    "key.rotated",
    "key.revoked",
    "user.created",
    "user.disabled",
    "user.enabled",
    "user.password",
    "user.deleted",
    "conversation.pinned",
    "conversation.unpinned",
    "conversation.erased",
    "retention.erased",
]
_PAGE = 1000  # rows


@dataclass(frozen=True, slots=True)
class Deed:
    """`at` in epoch milliseconds, `actor` as `record` has it; `object` is the id of what was changed, None for many."""

    id: str
    at: int
    actor: str
    action: Action
    object: str | None
    details: Mapping[str, Any]


def command_line() -> str:
    """The actor of a command: the command line, with the system's name of who gave it."""
    return f"command line: {process_user().removeprefix('user ')}"[:128]


def record(
    connection: Connection, actor: str, action: Action, changed: str | None, details: Mapping[str, Any] | None = None
) -> str:
    """Note down a deed, in the transaction that does it; returns the row's id. `actor` is `command_line()`, `user:ID`
    or `retention`; `details` are JSON."""
    row_id = uuid.uuid4().hex
    row = {"id": row_id, "at": now(), "actor": actor, "action": action, "object": changed, "details": details or {}}
    connection.execute(unanswered(insert(audit).values(row)))
    return row_id


def amend(connection: Connection, row_id: str, details: Mapping[str, Any]) -> None:
    """Give what was recorded other details, where one deed takes several transactions."""
    connection.execute(unanswered(update(audit).where(audit.c.id == row_id).values(details=details)))


def forget(connection: Connection, before: int, most: int) -> int:
    """Delete at most so many rows of deeds before this time (epoch milliseconds); returns how many."""
    old = select(audit.c.id).where(audit.c.at < before).order_by(audit.c.at, audit.c.id).limit(most)
    return connection.execute(delete(audit).where(audit.c.id.in_(old))).rowcount


def deeds(database: Database, since: int = 0) -> Iterator[Deed]:
    """All from this time on (epoch milliseconds), oldest first, read in pages."""
    time, last = since, ""
    while True:
        later = or_(audit.c.at > time, audit.c.id > last)
        query = select(audit).where(audit.c.at >= time, later).order_by(audit.c.at, audit.c.id).limit(_PAGE)
        page = [Deed(*row) for row in database.read(lambda connection, query=query: connection.execute(query).all())]  # type: ignore[misc]
        yield from page
        if len(page) < _PAGE:
            return
        time, last = page[-1].at, page[-1].id
