"""Access to the database that never stops the other greenlets of a worker.

A blocking call in SQLite's C library would hold up every stream of the process, so SQLite works in native threads:
one for all writers (it has one writer at a time anyway, and a queue is fairer than its polling), a few for readers.
PostgreSQL's driver waits cooperatively under gevent and is called directly.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from gevent.threadpool import ThreadPool
from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import OperationalError

from app.engine.errors import ChatError, Problem

T = TypeVar("T")

READERS = 4
BUSY_MILLISECONDS = 5000


class Database:
    """Transactions, run to their end before a result comes back.

    `work` gets a connection inside a transaction that commits when it returns and rolls back when it raises.
    A database that stays locked is ChatError(OVERLOADED).
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.url = url
        self._threaded = parsed.get_backend_name() == "sqlite"
        if self._threaded:
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._reading, self._writing = ThreadPool(READERS), ThreadPool(1)
        self._engine = create_engine(url, pool_size=READERS + 1, hide_parameters=True)  # they hold what people say
        self._writer = self._engine.execution_options(write=True)
        if self._threaded:
            event.listen(self._engine, "connect", _prepare)
            event.listen(self._engine, "begin", _begin)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that only reads."""

        def transaction() -> T:
            with self._engine.connect() as connection:
                return work(connection)

        return self._run(transaction, "_reading")

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction that may write."""

        def transaction() -> T:
            with self._writer.begin() as connection:
                return work(connection)

        return self._run(transaction, "_writing")

    def _run(self, transaction: Callable[[], T], pool: str) -> T:
        try:
            return _in_thread(getattr(self, pool), transaction) if self._threaded else transaction()
        except OperationalError as error:
            if "locked" in str(error.orig):
                raise ChatError(Problem.OVERLOADED) from error
            raise


def _in_thread(pool: ThreadPool, transaction: Callable[[], T]) -> T:
    """What the transaction returns or raises; gevent alone would also print what it raises on standard error."""

    def contained() -> tuple[T, None] | tuple[None, Exception]:
        try:
            return transaction(), None
        except Exception as error:  # noqa: BLE001 - it is raised again below
            return None, error

    result, error = pool.apply(contained)
    if error is not None:
        raise error
    return cast("T", result)


def _prepare(connection: Any, _record: Any) -> None:
    """Settings of each SQLite connection. A commit is on the disk when it returns (synchronous = FULL)."""
    connection.isolation_level = None  # transactions begin where _begin says, not where the driver guesses
    for pragma in ("synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {BUSY_MILLISECONDS}"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A writer takes the write lock at once: upgrading a read transaction fails under concurrency."""
    write = connection.get_execution_options().get("write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
