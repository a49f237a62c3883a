"""Transactions that stop no other greenlet of the worker.

A blocking call in SQLite's C library, or in PostgreSQL's, would hold up every stream of the process. So they work in
native threads, each with a connection of its own: READERS for reading, and for writing one of SQLite, WRITERS of
PostgreSQL.

Who waits for what, and for how long:

- A call's work begins within CALL_SECONDS of the call, or never; then it is ChatError(STORE_UNAVAILABLE). The call
  waits for a thread: a reader until one of READERS is free, a writer for the writes that this worker began before, in
  their order (SQLite's own polling would not be as fair). SQLite's writer then waits for other processes' writes.
  Readers never wait for writers.
- Where `most_waiting` calls wait for reading, or for writing, a further one is ChatError(OVERLOADED) at once.
- Work that has begun is never abandoned: its call returns when it has ended, which takes as long as its statements do.
  PostgreSQL's have an end: postgres.py says which.

Only the calling greenlet waits. A commit returns when the data is on the disk.
"""

import weakref
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from app.engine.errors import Problem, StoreError
from app.store.faults import DAMAGED, LOCKED, NO_ANSWER, Condition, known_errors
from app.store.lanes import CALL_SECONDS, DeadlineError, Executor, Lane, LaneFullError, allocate_lock
from app.store.sqlite import SqliteSession, sqlite_engine
from app.store.urls import sqlite_file

T = TypeVar("T")

READERS = 4
WRITERS = 4  # of PostgreSQL; SQLite has one
MOST_WAITING = 1000


class Database:
    """Runs functions as transactions, at the database of a SQLAlchemy URL.

    `work` gets a connection inside a transaction, which commits when `work` returns and rolls back when it raises; the
    call returns or raises what `work` does, after the commit or rollback. `work` may run in another thread: it uses
    neither gevent nor Flask's context.

    Raises StoreError where the database cannot be read or written, whatever the reason, or where the work did not begin
    within `seconds`: nothing was changed then. After that the next call works as soon as the database does: a
    connection that failed is replaced, and so are those to a file that was moved or replaced. Where PostgreSQL was
    asked to commit and has not answered, the error is `uncertain`.

    Where the calling greenlet is killed, work that has not begun never will. Work that has begun goes on to its end,
    and only then the call raises: what was written may have been committed.

    `reading` and `writing` are how the latest calls went. `damaged` says that a call has found the file damaged, which
    no later call disproves. `file` is SQLite's. Threads and connections end with the object.
    """

    def __init__(self, url: str, most_waiting: int = MOST_WAITING) -> None:
        self.url = url
        self.reading = Condition("the database cannot be read", "the database can be read again")
        self.writing = Condition("the database cannot be written", "the database can be written again")
        self.damaged = False
        self.file = sqlite_file(url)
        self._engine = make_engine(url)
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        writers = 1 if self.file else WRITERS
        self._lanes = (
            Lane(partial(self._new_session(), writes=False), READERS, most_waiting),
            Lane(partial(self._new_session(), writes=True), writers, most_waiting),
        )
        for lane in self._lanes:
            weakref.finalize(self, lane.close).atexit = False  # a process that ends waits for nothing

    def read(self, work: Callable[[Connection], T], seconds: float = CALL_SECONDS) -> T:
        """Run `work`, which only reads. Each of its statements sees what was committed before that statement began."""
        return self._run(work, 0, seconds, self.reading)

    def write(self, work: Callable[[Connection], T], seconds: float = CALL_SECONDS) -> T:
        """Run `work` in a transaction that may write."""
        return self._run(work, 1, seconds, self.writing)

    @property
    def lanes(self) -> Mapping[str, Lane]:
        """By what their calls do: `read`, `write`."""
        return dict(zip(("read", "write"), self._lanes, strict=True))

    def checkpoint(self) -> None:
        """Copy SQLite's write-ahead log into the database file and truncate the log; nothing on PostgreSQL.

        Blocks the whole process: for the command line, not for a worker that serves.
        """
        if self.file:
            with known_errors(), self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _new_session(self) -> Callable[..., Executor]:
        """What makes a thread's session. It holds nothing of this object, whose end is the threads' end."""
        if self.file:
            return partial(SqliteSession, self._engine, self.file, self.writing)
        from app.store.postgres import PostgresSession  # noqa: PLC0415 - as in make_engine

        return partial(PostgresSession, self._engine)

    def _run(self, work: Callable[[Connection], T], lane: int, seconds: float, condition: Condition) -> T:
        try:
            result = self._lanes[lane].run(work, seconds)
        except LaneFullError as error:
            raise self._failed(condition, StoreError(Problem.OVERLOADED, "too many calls wait")) from error
        except DeadlineError as error:
            late = LOCKED if condition.waits_for_lock() else f"{NO_ANSWER} within {seconds:g} s"
            raise self._failed(condition, StoreError(Problem.STORE_UNAVAILABLE, late)) from error
        except StoreError as error:
            self._failed(condition, error)
            raise
        condition.succeeded()
        return result

    def _failed(self, condition: Condition, error: StoreError) -> StoreError:
        condition.failed(error)
        self.damaged = self.damaged or error.reason == DAMAGED
        return error


def beside_database(url: str, home: Path, name: str) -> Path:
    """Where servers of one database find each other: `<file>.<name>` beside SQLite's file, which symbolic links to it
    share as they share its log; in `home` for other databases."""
    file = sqlite_file(url)
    return Path(f"{file.resolve()}.{name}") if file else home / name


def make_engine(url: str, *, patient: bool = False) -> Engine:
    """Of connections that are made where they are used; of PostgreSQL, a `patient` one's calls take as long as they
    take."""
    file = sqlite_file(url)
    if file:
        return _for_threads(sqlite_engine(url, file))
    from app.store.postgres import postgres_engine  # noqa: PLC0415 - its driver is not loaded where SQLite serves

    return _for_threads(postgres_engine(url, patient=patient))


def _for_threads(engine: Engine) -> Engine:
    """SQLAlchemy holds a lock while it gets to know a database by the first connection. gevent's, which it would take,
    does not pass between threads: those that come meanwhile would wait for good."""
    events: Any = engine.pool.dispatch.connect
    events.for_modify(engine.pool.dispatch)._exec_once_mutex = allocate_lock()  # noqa: SLF001 - it has no public name
    return engine
