"""PostgreSQL's connections: one for each native thread, with an end to every wait.

The driver waits in its own library, as SQLite does: that is cheaper than a turn of the event loop for each answer, and
a greenlet that is killed cannot leave a connection in the middle of its protocol.

Most of what a statement costs is its trip to the server, which may be on another host. So those of a thread that writes
go together (libpq's pipeline mode): BEGIN with the first, what is `unanswered` (trips.py) with the next, COMMIT with
the last.
"""

from contextlib import suppress
from typing import Any, Self, TypeVar, cast

import psycopg
from gevent.monkey import get_original
from psycopg import pq, waiting
from psycopg.abc import PQGen
from psycopg.errors import QueryCanceled
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.engine.interfaces import ExecuteStyle
from sqlalchemy.exc import SQLAlchemyError

from app.store.faults import is_cut, store_error
from app.store.lanes import Jobs
from app.store.trips import is_unanswered

T = TypeVar("T")

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 5.0
LOCK_SECONDS = 3.0
IDLE_SECONDS = 10.0  # within a transaction, where this process stands still
ANSWER_SECONDS = 10.0  # for a server, or the way to it, that says nothing: longer than it has for a statement

_poll = get_original("select", "poll")  # gevent takes it away
# To connect, the driver would wait for gevent's loop in a thread that has none.
vars(waiting)["DefaultSelector"] = get_original("selectors", "DefaultSelector")

_AT_ONCE = 16  # commands: a statement is one or two, a commit another one

_READABLE = 1  # poll's POLLIN
_IDLE = pq.TransactionStatus.IDLE
_CONNECTING = {
    "connect_timeout": CONNECT_SECONDS,
    "client_encoding": "utf8",
    "application_name": "parlance",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_LIMITS = f"""SELECT
    set_config('statement_timeout', '{STATEMENT_SECONDS:g}s', false),
    set_config('lock_timeout', '{LOCK_SECONDS:g}s', false),
    set_config('idle_in_transaction_session_timeout', '{IDLE_SECONDS:g}s', false)"""


class _Trips(psycopg.Pipeline):
    """What is executed is sent by `sync`, all at once; the driver would send each by itself, and look for answers. (So
    it does with many rows, since libpq moves whatever it has not sent yet each time that it has sent a little.)"""

    def _communicate_gen(self) -> PQGen[None]:
        yield from ()

    def _sync_gen(self) -> PQGen[None]:
        self._enqueue_sync()
        if len(self.command_queue) <= _AT_ONCE:
            while self.command_queue:
                self.command_queue.popleft()()
        try:
            yield from super()._communicate_gen()
        except psycopg.Error:
            with suppress(psycopg.Error):  # what follows a failure fails as well
                yield from self._fetch_gen(flush=False)
            raise
        yield from self._fetch_gen(flush=False)


class _NativeConnection(psycopg.Connection[Any]):
    """Waits without gevent, and for ANSWER_SECONDS at most. Its `trips` are those of a thread that writes."""

    trips: _Trips | None = None

    def save_trips(self) -> None:
        """From here on whoever executes something says when an answer is needed."""
        self.trips = self._pipeline = _Trips(self, _no_lock=True)
        self.trips.__enter__()

    def begin(self) -> None:
        """Goes with the first statement; the driver's own BEGIN waits for its answer."""
        self.execute(b"BEGIN", prepare=False)

    def commit(self) -> None:
        if self.trips is None:
            super().commit()
            return
        self.execute(b"COMMIT", prepare=False)
        self.trips.sync()

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = ANSWER_SECONDS) -> T:
        try:
            done: T = waiting.wait_c(gen, self.pgconn.socket, interval, timeout)
            return done
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001 - it has no public name
            self.pgconn.finish()  # what it answers later is of no use
            raise QueryCanceled(f"no answer within {timeout:g} s") from error


class _PatientConnection(_NativeConnection):
    """For migrations, which take as long as they take."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        return super().wait(gen, interval, timeout)


def postgres_engine(url: str, *, patient: bool = False) -> Engine:
    """Of connections that are made where they are used. A `patient` one's statements and locks have no time limit."""
    engine = create_engine(make_url(url), hide_parameters=True, poolclass=NullPool, use_native_hstore=False)
    kind = _PatientConnection if patient else _NativeConnection

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, options: dict[str, Any]) -> psycopg.Connection[Any]:
        return kind.connect(*args, **{**_CONNECTING, **options})

    @event.listens_for(engine, "do_execute")
    @event.listens_for(engine, "do_executemany")
    def execute(cursor: psycopg.Cursor[Any], statement: Any, values: Any, context: Any) -> bool:
        (cursor.executemany if context.execute_style is ExecuteStyle.EXECUTEMANY else cursor.execute)(statement, values)
        trips = cast(_NativeConnection, cursor.connection).trips
        if trips and not is_unanswered(context.execution_options):
            trips.sync()
        return True

    @event.listens_for(engine, "connect")
    def limit(connection: psycopg.Connection[Any], _record: Any) -> None:
        if not patient:
            connection.execute(_LIMITS)
            connection.commit()

    return engine


class PostgresSession:
    """One thread's connection, which stays checked out. It is made anew where the server has closed it meanwhile."""

    def __init__(self, engine: Engine, *, writes: bool) -> None:
        # Readers need no transaction: each statement is one. Writers say themselves when one begins.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writes = writes
        self._connection: Connection | None = None
        self._driver: Any = None  # a _NativeConnection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, jobs: Jobs) -> None:
        """Do the first job's work in a transaction, if its caller still waits once there is a connection."""
        committing = False
        try:
            connection = self._connected()
            if jobs.first.given_up:
                return
            transaction = connection.begin()
            if self._writes:
                self._driver.begin()
            jobs.first.do(connection)
            committing = True
            transaction.commit()
        except BaseException as error:
            known = store_error(error)
            if known or not self._rolled_back():
                self._close()
            if known:
                known.uncertain = committing and is_cut(error)
                raise known from error
            raise

    def _connected(self) -> Connection:
        if self._connection is not None and _has_news(self._driver.pgconn.socket):
            self._close()
        if self._connection is None:
            self._connection = self._engine.connect()
            self._driver = self._connection.connection.driver_connection
            if self._writes:
                self._driver.save_trips()
        return self._connection

    def _rolled_back(self) -> bool:
        """Whether nothing is left of a transaction that failed, be it in its commit."""
        if self._connection is None:
            return False
        with suppress(SQLAlchemyError, psycopg.Error):
            transaction = self._connection.get_transaction()
            if transaction:
                transaction.rollback()
            self._driver.rollback()
        return not self._connection.in_transaction() and bool(self._driver.pgconn.transaction_status == _IDLE)

    def _close(self) -> None:
        if self._connection:
            with suppress(Exception):
                self._connection.invalidate()
            with suppress(Exception):
                self._connection.close()
        self._connection = self._driver = None


def _has_news(descriptor: int) -> bool:
    """Whether something has come that nobody has asked for: most often the server's farewell."""
    poll = _poll()
    poll.register(descriptor, _READABLE)
    return bool(poll.poll(0))
