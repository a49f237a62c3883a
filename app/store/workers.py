"""Workers as the store knows them: which answers each makes, which workers still live, and what dead ones have left.

No clock decides who lives: a worker holds a lock on a file of its own, in one folder for all, until its process ends.
"""

import logging
import os
import re
import uuid
from pathlib import Path

import gevent
from sqlalchemy import Connection, and_, bindparam, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.engine.errors import ChatError, StoreError
from app.store.database import Database
from app.store.locks import try_lock
from app.store.runs import end_abandoned
from app.store.tables import keys, messages, running

log = logging.getLogger(__name__)

WATCH_SECONDS = 5.0
_ID = re.compile("[0-9a-f]{32}")
_RUNNING = select(messages.c.worker).where(running).distinct()
_LEFT_BEHIND = and_(running, messages.c.worker == bindparam("dead"))
_CHARGE = (
    update(keys)
    .where(keys.c.id.in_(select(messages.c.payer).where(_LEFT_BEHIND, messages.c.due > 0)))
    .values(
        spent=keys.c.spent
        + select(func.coalesce(func.sum(messages.c.due), 0))
        .where(_LEFT_BEHIND, messages.c.payer == keys.c.id)
        .correlate(keys)
        .scalar_subquery()
    )
)
_BURY = (
    update(messages)
    .where(_LEFT_BEHIND)
    .values(
        status="interrupted",
        finish_reason="other",
        credits=func.coalesce(messages.c.credits, 0) + messages.c.due,
        held=0,
        due=0,
        worker=None,
    )
)


class Worker:
    """This process, as one that makes answers: `id` is random, 32 hexadecimal digits."""

    def __init__(self, folder: Path) -> None:
        self.id = uuid.uuid4().hex
        self.folder = folder
        self._lock: int | None = None
        self.fails_to_bury = False  # which the log has told

    def claim(self) -> str:
        """The id, once others can see that this worker lives: until the process ends it holds the lock. Raises OSError
        where the file cannot be made."""
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = try_lock(self.folder / self.id)
        return self.id


def watch_workers(database: Database, worker: Worker) -> None:
    """Bury now, and every WATCH_SECONDS again for as long as another worker lives or the database cannot be used.

    For a worker that is about to serve: whichever dies later has a successor, which does the same.
    """
    if not _is_alone(database, worker):
        gevent.spawn(_watch, database, worker)


def bury_dead_workers(database: Database, worker: Worker) -> bool:
    """End what dead workers have left: their answers are interrupted, with what was saved of them, and cost what they
    did by then; nothing is held for them any more, and their workflow runs end. Returns whether others than `worker`
    live.

    Dead is whose file is missing or not locked. Raises OSError, and what `Database` raises; again is harmless.
    """
    named = database.read(lambda connection: connection.execute(_RUNNING).scalars().all())
    kept = [entry.name for entry in worker.folder.iterdir() if _ID.fullmatch(entry.name)]
    others_live = False
    for other in sorted({*named, *kept} - {worker.id}):
        lock = try_lock(worker.folder / other)
        if lock is None:
            others_live = True
            continue
        try:
            database.write(lambda connection, dead=other: _bury(connection, dead))  # type: ignore[misc]
            (worker.folder / other).unlink()
        finally:
            os.close(lock)
    return others_live


def _watch(database: Database, worker: Worker) -> None:
    gevent.sleep(WATCH_SECONDS)
    while not _is_alone(database, worker):
        gevent.sleep(WATCH_SECONDS)


def _is_alone(database: Database, worker: Worker) -> bool:
    """Bury; whether there is nobody left who could die."""
    try:
        worker.claim()
        others_live = bury_dead_workers(database, worker)
    except (ChatError, SQLAlchemyError, OSError) as error:
        if not worker.fails_to_bury:  # once for a fault, which may last
            reason = error.reason if isinstance(error, StoreError) else repr(error)
            log.warning("dead workers are not buried yet: %s", reason)
        worker.fails_to_bury = True
        return False
    worker.fails_to_bury = False
    return not others_live


def _bury(connection: Connection, dead: str) -> None:
    connection.execute(_CHARGE, {"dead": dead})
    connection.execute(_BURY, {"dead": dead})
    end_abandoned(connection)
