"""SQLite's connections: one for each native thread, to the file that is in its place now."""

import os
from pathlib import Path
from time import monotonic
from typing import Any, Self
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url

from app.store.faults import LOCKED, READ_ONLY, Condition, store_error
from app.store.lanes import CALL_SECONDS, Jobs

GROUP_SECONDS = 0.02
"""After which a transaction takes in no further works: who was first waits no longer for the others."""


def sqlite_engine(url: str, file: Path) -> Engine:
    """Of connections that are made where they are used. The file is opened and never made: an empty one in the place of
    one that is missing would be served as if nothing had ever been said."""
    parsed = make_url(url)
    opened = parsed.set(database=f"file:{quote(str(file))}", query={**parsed.query, "mode": "rw", "uri": "true"})
    engine = create_engine(opened, hide_parameters=True, poolclass=NullPool)
    event.listen(engine, "connect", _configure)
    return engine


class SqliteSession:
    """One thread's connection, which stays checked out: a checkout costs more than most transactions.

    One that was made while the file could only be read is closed after its use: SQLite has all later ones of the
    process share what it found out, for as long as any of them is open. So while writing fails for it, each is closed
    after its use, also one that was made when the file could be written again.
    """

    def __init__(self, engine: Engine, file: Path, writing: Condition, *, writes: bool) -> None:
        self._engine, self._file, self._writing, self._writes = engine, str(file), writing, writes
        self._connection: Connection | None = None
        self._driver: Any = None  # sqlite3's own connection: what goes to it directly costs a quarter
        self._opened: tuple[int, int] | None = None  # the file that it has open
        self._keep = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, jobs: Jobs) -> None:
        """Work in a transaction, for callers who still wait once it has begun."""
        try:
            connection = self._connected()
            with connection.begin():
                if self._writes:
                    self._take_lock()
                if self._writes and jobs.more_wait:
                    self._write_together(connection, jobs)
                else:
                    jobs.first.do(connection)
        except BaseException as error:
            known = store_error(error)
            if (known and known.reason != LOCKED) or (self._connection and self._connection.in_transaction()):
                self._close()
            if known:
                raise known from error
            raise
        finally:
            if not self._keep or self._writing.reason == READ_ONLY:
                self._close()

    def _write_together(self, connection: Connection, jobs: Jobs) -> None:
        """All that wait, and come meanwhile: the disk is waited for once. A work that fails undoes itself alone, unless
        SQLite has undone all of it (its disk is full, say)."""
        ends = monotonic() + GROUP_SECONDS
        for job in jobs:
            self._driver.execute("SAVEPOINT work")
            try:
                job.do(connection)
            except BaseException as error:
                if not self._driver.in_transaction:
                    raise
                self._driver.execute("ROLLBACK TO work")
                known = store_error(error)
                if known:
                    known.__cause__ = error
                    self._keep = False
                job.fail(known or error)
            self._driver.execute("RELEASE work")
            if monotonic() > ends:
                return

    def _connected(self) -> Connection:
        """A connection to the file that is in its place now: what is written to one that was moved away is lost."""
        there = _identity(self._file)
        if there != self._opened:
            self._close()
        if self._connection is None:
            self._keep = os.access(self._file, os.W_OK)
            self._connection = self._engine.connect()
            self._driver = self._connection.connection.driver_connection
            self._opened = there
        return self._connection

    def _take_lock(self) -> None:
        """At once, since upgrading a read transaction fails under concurrency."""
        self._writing.lock_wanted_since = monotonic()
        try:
            self._driver.execute("BEGIN IMMEDIATE")
        finally:
            self._writing.lock_wanted_since = None

    def _close(self) -> None:
        if self._connection:
            self._connection.invalidate()  # closes the driver's connection without rolling back, which may fail too
            self._connection.close()
        self._connection = self._driver = self._opened = None


def _identity(file: str) -> tuple[int, int] | None:
    """Which file it is; None where there is none."""
    try:
        found = os.stat(file)  # noqa: PTH116 - at each call, and twice as fast as the path's own
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _configure(connection: Any, _record: Any) -> None:
    """Set up a new SQLite connection. `synchronous = FULL`: a commit is on the disk when it returns."""
    connection.isolation_level = None  # the driver begins no transactions: SqliteSession does
    # secure_delete: deleted rows are overwritten with zeros, so that what was erased is gone from the file.
    # busy_timeout: callers whose deadlines come first wait no longer, and nothing is done for them afterwards.
    busy = f"busy_timeout = {CALL_SECONDS * 1000:.0f}"
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON", busy):
        connection.execute(f"PRAGMA {pragma}")
