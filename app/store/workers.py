"""Workers as the store knows them: which answers each makes, which workers still live, and what dead ones have left.

No clock decides who lives: a worker holds a lock on a file of its own, in one folder for all of its host, until its
process ends. Those of other hosts, whose files are not in the folder, are watched by their counters (beats.py).
"""

import logging
import os
import re
import uuid
from pathlib import Path

import gevent
from sqlalchemy import Connection, and_, bindparam, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.engine.errors import ChatError
from app.store.database import Database
from app.store.faults import Lasting
from app.store.locks import try_lock
from app.store.runs import end_abandoned
from app.store.tables import keys, messages, running, workers
from app.store.trips import unanswered

log = logging.getLogger(__name__)

WATCH_SECONDS = 5.0
GLANCE_SECONDS = 0.5  # at the others' files alone: a dead worker's conversations are free before its successor serves
_ID = re.compile("[0-9a-f]{32}")
_RUNNING = select(messages.c.worker).where(running).distinct()
_LEFT_BEHIND = and_(running, messages.c.worker == bindparam("dead"))
_LOCK = unanswered(select(messages.c.id).where(_LEFT_BEHIND).order_by(messages.c.id).with_for_update())
_CHARGE = unanswered(
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
_BURY = unanswered(
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
_FORGET = unanswered(delete(workers).where(workers.c.id == bindparam("dead")))


class Worker:
    """This process, as one that makes answers: `id` is random, 32 hexadecimal digits.

    `has_row`: workers of other hosts use its database too, and know it by a row.
    """

    def __init__(self, folder: Path, *, has_row: bool = False) -> None:
        self.id = uuid.uuid4().hex
        self.folder = folder
        self.has_row = has_row
        self._lock: int | None = None
        self.burying = Lasting(log, "dead workers are not buried yet")

    def claim(self) -> str:
        """The id, once others can see that this worker lives: until the process ends it holds the lock. Raises OSError
        where the file cannot be made."""
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = try_lock(self.folder / self.id)
        return self.id

    def renew(self) -> None:
        """Go on as another, after it was buried: what it had under way is not its own any more."""
        before, lock = self.folder / self.id, self._lock
        self.id, self._lock = uuid.uuid4().hex, None
        if lock is not None:
            before.unlink(missing_ok=True)
            os.close(lock)


def watch_workers(database: Database, worker: Worker) -> None:
    """Bury now, and every WATCH_SECONDS again for as long as another worker lives or the database cannot be used; where
    one of this host dies, within GLANCE_SECONDS.

    For a worker that is about to serve: whichever dies later has a successor, which does the same.
    """
    if not _is_alone(database, worker):
        gevent.spawn(_watch, database, worker)


def bury_dead_workers(database: Database, worker: Worker) -> bool:
    """End what dead workers have left: their answers are interrupted, with what was saved of them, and cost what they
    did by then; nothing is held for them any more, and their workflow runs end. Returns whether others than `worker`
    live.

    Dead is whose file is not locked, or missing where no other host can have it. Raises OSError, and what `Database`
    raises; again is harmless.
    """
    named = [] if worker.has_row else database.read(lambda connection: connection.execute(_RUNNING).scalars().all())
    others_live = False
    for other in sorted({*named, *_others_here(worker)} - {worker.id}):
        lock = try_lock(worker.folder / other)
        if lock is None:
            others_live = True
            continue
        try:
            database.write(lambda connection, dead=other: bury(connection, dead))  # type: ignore[misc]
            (worker.folder / other).unlink()
        finally:
            os.close(lock)
    return others_live


def leave(database: Database, worker: Worker) -> None:
    """Let other hosts forget this worker, which ends: they need not find out. Raises what `Database.write` raises."""
    if worker.has_row:
        database.write(lambda connection: connection.execute(_FORGET, {"dead": worker.id}))


def bury(connection: Connection, dead: str) -> None:
    """End what this worker has left, and forget it."""
    connection.execute(_FORGET, {"dead": dead})
    if connection.dialect.name != "sqlite":  # what is charged is what is ended
        connection.execute(_LOCK, {"dead": dead})
    connection.execute(_CHARGE, {"dead": dead})
    connection.execute(_BURY, {"dead": dead})
    end_abandoned(connection)


def _watch(database: Database, worker: Worker) -> None:
    alone = False
    while not alone:
        for _ in range(round(WATCH_SECONDS / GLANCE_SECONDS)):
            gevent.sleep(GLANCE_SECONDS)
            if _one_has_died(worker):
                break
        alone = _is_alone(database, worker)


def _one_has_died(worker: Worker) -> bool:
    try:
        for name in _others_here(worker):
            lock = try_lock(worker.folder / name)
            if lock is not None:
                os.close(lock)
                return True
    except OSError:
        return False  # the next look at everything tells of it
    return False


def _others_here(worker: Worker) -> list[str]:
    """By the files of this host."""
    return [each for each in os.listdir(worker.folder) if _ID.fullmatch(each) and each != worker.id]  # noqa: PTH208 - twice a second


def _is_alone(database: Database, worker: Worker) -> bool:
    """Bury; whether there is nobody left who could die."""
    try:
        worker.claim()
        others_live = bury_dead_workers(database, worker)
    except (ChatError, SQLAlchemyError, OSError) as error:
        worker.burying.failed(error)
        return False
    worker.burying.succeeded()
    return not others_live
