"""Whether the database can be read and written now, for whoever asks how the server is."""

import logging
import os
from time import monotonic

import gevent
from sqlalchemy import Connection, text

from app.engine.errors import Problem, StoreError
from app.store.database import Database
from app.store.faults import DAMAGED, FULL, NO_ANSWER, READ_ONLY, Condition
from app.store.schema import find_damage, version_problem

log = logging.getLogger(__name__)

FRESH_SECONDS = 1.0  # for so long an answer is given again
LOOK_SECONDS = 1.0  # for the database to begin reading, and again to begin writing
PATIENCE_SECONDS = 2.5  # for the look, which takes longer where the disk hangs
LEAST_FREE_BYTES = 4 * 2**20  # SQLite's write-ahead log grows by so much before it is copied and used again

# Takes the lock and finds a database that is read-only; no row is changed, so nothing is written to the disk.
_CHANGE_NOTHING = text("UPDATE alembic_version SET version_num = version_num WHERE version_num = ''")


class Readiness:
    """Looks at a database at most once in FRESH_SECONDS, however many ask. The log tells when it begins to be of no
    use, and when it is of use again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._look: gevent.Greenlet[[], str | None] | None = None
        self._looked = 0.0
        self._told = Condition("/ready says unready", "/ready says ready again")

    def problem(self) -> str | None:
        """Why the database is of no use now, None where it is. Waits at most PATIENCE_SECONDS.

        Where the latest write failed, the look writes to the disk, 4 kB that replace the same of the look before; else
        it takes the write lock and leaves it, so that a database that somebody else has locked is told, too. A small
        write may find room on a full disk, in the write-ahead log, hence a least number of free bytes.
        """
        if self._look is None or (self._look.ready() and monotonic() - self._looked >= FRESH_SECONDS):
            self._look = gevent.spawn(self._find_out)  # by itself, so that it survives the caller that began it
        self._look.join(PATIENCE_SECONDS)
        problem = self._look.value if self._look.ready() else f"{NO_ANSWER} within {PATIENCE_SECONDS:g} s"
        if problem:
            self._told.failed(StoreError(Problem.STORE_UNAVAILABLE, problem))
        else:
            self._told.succeeded()
        return problem

    def _find_out(self) -> str | None:
        database = self._database
        try:
            problem = database.read(self._read, LOOK_SECONDS)
            if problem is None:
                failed = database.writing.reason is not None
                database.write(_write if failed else _change_nothing, LOOK_SECONDS)
        except StoreError as error:
            problem = error.reason
        except Exception:
            log.exception("the database cannot be looked at")
            problem = NO_ANSWER
        self._looked = monotonic()
        return problem

    def _read(self, connection: Connection) -> str | None:
        """In a native thread: looking at a disk may take its time."""
        database = self._database
        if problem := version_problem(connection):
            return problem
        if database.damaged:
            if find_damage(database.url) is not False:
                return DAMAGED
            database.damaged = False
        return _disk_problem(database)


def _disk_problem(database: Database) -> str | None:
    if database.file is None:
        return None
    disk = os.statvfs(database.file.parent)
    if disk.f_flag & os.ST_RDONLY:
        return READ_ONLY
    if disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES:
        return FULL
    return None


def _change_nothing(connection: Connection) -> None:
    connection.execute(_CHANGE_NOTHING)


def _write(connection: Connection) -> None:
    """A number that nothing else uses, in the first page of SQLite's file; elsewhere there is nothing to be found out
    that the other way does not."""
    if connection.dialect.name != "sqlite":
        return _change_nothing(connection)
    number = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    connection.exec_driver_sql(f"PRAGMA user_version = {(number + 1) % 2**31}")
    return None
