"""Access to the database that never stops the other greenlets of a worker.

A blocking call in SQLite's C library would hold up every stream of the process, so SQLite works in two native threads,
one for readers and one for writers, each with a connection of its own: SQLite has one writer at a time anyway, and a
queue is fairer than its polling. PostgreSQL's driver waits cooperatively under gevent and is called directly.
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
    """Transactions, run to their end before a result comes back.

    `work` gets a connection inside a transaction that commits when it returns and rolls back when it raises.
    A database that stays locked is ChatError(OVERLOADED).
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.url = url
        self._engine = create_engine(url, hide_parameters=True)  # they hold what people say
        self._lanes: tuple[_Lane, _Lane] | None = None
        if parsed.get_backend_name() == "sqlite":
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            event.listen(self._engine, "connect", _prepare)
            event.listen(self._engine, "begin", _begin)
            self._lanes = _Lane(self._engine), _Lane(self._engine.execution_options(write=True))

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads. In SQLite each of its statements sees what is committed by then."""
        return self._run(work, 0)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that may write."""
        return self._run(work, 1)

    def checkpoint(self) -> None:
        """Bring what SQLite's log holds into the file, and empty the log."""
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
    """One native thread with one connection, which it keeps: taking one anew costs more than most of its work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPool(1)
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """What the work returns or raises; gevent alone would also print what it raises on standard error."""
        result, error = self._thread.apply(self._contained, (work,))
        if error is not None:
            raise error
        return cast("T", result)

    def _contained(self, work: Callable[[Connection], T]) -> tuple[T, None] | tuple[None, Exception]:
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            with self._connection.begin():
                return work(self._connection), None
        except Exception as error:  # noqa: BLE001 - `run` raises it
            return None, error


def _prepare(connection: Any, _record: Any) -> None:
    """Settings of each SQLite connection. A commit is on the disk when it returns (synchronous = FULL)."""
    connection.isolation_level = None  # transactions begin where _begin says, not where the driver guesses
    # secure_delete: what an end user has had erased is not left lying in the file.
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
