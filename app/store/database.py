"""Transactions that stop no other greenlet of the worker.

A blocking call in SQLite's C library would hold up every stream of the process. So SQLite works in native threads, each
with a connection of its own: READERS for reading, one for writing. PostgreSQL's driver waits cooperatively under gevent
and is called directly.

Who waits for what, and for how long:

- SQLite: a call's work begins within CALL_SECONDS of the call, or never; then it is ChatError(STORE_UNAVAILABLE). The
  call waits for a thread: a reader until one of READERS is free, a writer for the writes that this worker began before,
  in their order (SQLite's own polling would not be as fair). A writer then waits for other processes' writes. Readers
  never wait for writers.
- Where `most_waiting` calls wait for reading, or for writing, a further one is ChatError(OVERLOADED) at once.
- Work that has begun is never abandoned: its call returns when it has ended, which takes as long as its statements do.
- PostgreSQL: for one of the pool's 15 connections, at most 30 s; for locked rows as long as they are locked.

Only the calling greenlet waits. A commit returns when the data is on the disk.
"""

import os
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Self, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url

from app.engine.errors import Problem, StoreError
from app.store.faults import DAMAGED, LOCKED, NO_ANSWER, READ_ONLY, Condition, known_errors, store_error
from app.store.lanes import DeadlineError, Job, Lane, LaneFullError, allocate_lock

T = TypeVar("T")

READERS = 4
MOST_WAITING = 1000
CALL_SECONDS = 5.0


class Database:
    """Runs functions as transactions, at the database of a SQLAlchemy URL.

    `work` gets a connection inside a transaction, which commits when `work` returns and rolls back when it raises; the
    call returns or raises what `work` does, after the commit or rollback. `work` may run in another thread: it uses
    neither gevent nor Flask's context.

    Raises StoreError where the database cannot be read or written, whatever the reason, or where the work did not begin
    within `seconds`: nothing was changed then. After that the next call works as soon as the database does: a
    connection that failed is replaced, and so are those to a file that was moved or replaced.

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
        self._lanes: tuple[Lane, Lane] | None = None
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            session = partial(_Session, self._engine, self.file, self.writing)
            self._lanes = (
                Lane(partial(session, writes=False), READERS, most_waiting),
                Lane(partial(session, writes=True), 1, most_waiting),
            )
            for lane in self._lanes:
                weakref.finalize(self, lane.close).atexit = False  # a process that ends waits for nothing

    def read(self, work: Callable[[Connection], T], seconds: float = CALL_SECONDS) -> T:
        """Run `work`, which only reads. Each of its statements sees what was committed before that statement began."""
        return self._run(work, 0, seconds, self.reading)

    def write(self, work: Callable[[Connection], T], seconds: float = CALL_SECONDS) -> T:
        """Run `work` in a transaction that may write."""
        return self._run(work, 1, seconds, self.writing)

    def checkpoint(self) -> None:
        """Copy SQLite's write-ahead log into the database file and truncate the log; nothing on PostgreSQL.

        Blocks the whole process: for the command line, not for a worker that serves.
        """
        if self._lanes:
            with known_errors(), self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _run(self, work: Callable[[Connection], T], lane: int, seconds: float, condition: Condition) -> T:
        try:
            if self._lanes:
                result = self._lanes[lane].run(work, seconds)
            else:
                with known_errors(), self._engine.begin() as connection:
                    result = work(connection)
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


class _Session:
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

    def __call__(self, job: Job[Any]) -> Any:
        """Do the job's work in a transaction, if its caller still waits once the transaction has begun."""
        try:
            connection = self._connected()
            with connection.begin():
                if self._writes:
                    self._take_lock()
                return job.work(connection) if job.claim() else None
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


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for other databases."""
    parsed = make_url(url)
    return Path(parsed.database).absolute() if parsed.get_backend_name() == "sqlite" and parsed.database else None


def beside_database(url: str, home: Path, name: str) -> Path:
    """Where servers of one database find each other: `<file>.<name>` beside SQLite's file, which symbolic links to it
    share as they share its log; in `home` for other databases."""
    file = sqlite_file(url)
    return Path(f"{file.resolve()}.{name}") if file else home / name


def make_engine(url: str) -> Engine:
    """Of connections that are made where they are used. SQLite's file is opened and never made: an empty one in the
    place of one that is missing would be served as if nothing had ever been said."""
    parsed, file = make_url(url), sqlite_file(url)
    if file is None:
        return _for_threads(create_engine(parsed, hide_parameters=True))  # errors do not show what people say
    opened = parsed.set(database=f"file:{quote(str(file))}", query={**parsed.query, "mode": "rw", "uri": "true"})
    engine = create_engine(opened, hide_parameters=True, poolclass=NullPool)
    event.listen(engine, "connect", _configure)
    return _for_threads(engine)


def _for_threads(engine: Engine) -> Engine:
    """SQLAlchemy holds a lock while it gets to know a database by the first connection. gevent's, which it would take,
    does not pass between threads: those that come meanwhile would wait for good."""
    events: Any = engine.pool.dispatch.connect
    events.for_modify(engine.pool.dispatch)._exec_once_mutex = allocate_lock()  # noqa: SLF001 - it has no public name
    return engine


def _identity(file: str) -> tuple[int, int] | None:
    """Which file it is; None where there is none."""
    try:
        found = os.stat(file)  # noqa: PTH116 - at each call, and twice as fast as the path's own
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _configure(connection: Any, _record: Any) -> None:
    """Set up a new SQLite connection. `synchronous = FULL`: a commit is on the disk when it returns."""
    connection.isolation_level = None  # the driver begins no transactions: _Session does
    # secure_delete: deleted rows are overwritten with zeros, so that what was erased is gone from the file.
    # busy_timeout: callers whose deadlines come first wait no longer, and nothing is done for them afterwards.
    busy = f"busy_timeout = {CALL_SECONDS * 1000:.0f}"
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON", busy):
        connection.execute(f"PRAGMA {pragma}")
