"""Transactions that stop no other greenlet of the worker.

A blocking call in SQLite's C library would hold up every stream of the process. So SQLite works in two native threads,
one for reading and one for writing, each with a connection of its own. PostgreSQL's driver waits cooperatively under
gevent and is called directly.

Who waits for what, and for how long:

- SQLite, reading: for the reads that this worker began earlier, one after another. Never for a writer.
- SQLite, writing: for the writes that this worker began earlier, in their order (SQLite's own polling would not be as
  fair); then for other processes' writes, at most BUSY_MILLISECONDS, after which it is ChatError(OVERLOADED).
- PostgreSQL: for one of the pool's 15 connections, at most 30 s (sqlalchemy.exc.TimeoutError then); for locked rows as
  long as they are locked.

Only the calling greenlet waits. A commit returns when the data is on the disk.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError

from app.engine.errors import ChatError, Problem

T = TypeVar("T")

BUSY_MILLISECONDS = 5000


class Database:
    """Runs functions as transactions, at the database of a SQLAlchemy URL.

    `work` gets a connection inside a transaction, which commits when `work` returns and rolls back when it raises; the
    call returns or raises what `work` does, after the commit or rollback. `work` may run in another thread: it uses
    neither gevent nor Flask's context. Raises ChatError(OVERLOADED) where SQLite's file stays locked.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.url = url
        self._engine = create_engine(url, hide_parameters=True)  # errors do not show them: they hold what people say
        self._lanes: tuple[_Lane, _Lane] | None = None
        if parsed.get_backend_name() == "sqlite":
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            event.listen(self._engine, "connect", _configure)
            event.listen(self._engine, "begin", _begin)
            self._lanes = _Lane(self._engine), _Lane(self._engine.execution_options(write=True))

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads. Each of its statements sees what was committed before that statement began."""
        return self._run(work, 0)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that may write."""
        return self._run(work, 1)

    def checkpoint(self) -> None:
        """Copy SQLite's write-ahead log into the database file and truncate the log; nothing on PostgreSQL.

        Blocks the whole process: for the command line, not for a worker that serves.
        """
        if self._lanes:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _run(self, work: Callable[[Connection], T], lane: int) -> T:
        try:
            if self._lanes:
                return self._lanes[lane].run(work)
            with self._engine.begin() as connection:
                return work(connection)
        except (OperationalError, sqlite3.OperationalError) as error:
            if "locked" in str(error):
                raise ChatError(Problem.OVERLOADED) from error
            raise


class _Lane:
    """One native thread with one connection, which stays checked out: a checkout costs more than most transactions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPool(1)
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the thread; returns or raises what it does."""
        result, error = self._thread.apply(self._outcome, (work,))
        if error is not None:
            raise error
        return cast("T", result)

    def _outcome(self, work: Callable[[Connection], T]) -> tuple[T, None] | tuple[None, Exception]:
        """Result and error, one of them None: what a pool's thread raises, gevent prints on standard error."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            with self._connection.begin():
                return work(self._connection), None
        except Exception as error:  # noqa: BLE001 - `run` raises it
            return None, error


def _configure(connection: Any, _record: Any) -> None:
    """Set up a new SQLite connection. `synchronous = FULL`: a commit is on the disk when it returns."""
    connection.isolation_level = None  # the driver begins no transactions: _begin does, for writers
    # secure_delete: deleted rows are overwritten with zeros, so that what was erased is gone from the file.
    for pragma in (
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        f"busy_timeout = {BUSY_MILLISECONDS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A writer takes the write lock at once: upgrading a read transaction fails under concurrency."""
    if connection.get_execution_options().get("write"):
        connection.connection.cursor().execute("BEGIN IMMEDIATE")  # not exec_driver_sql, which costs four times as much
