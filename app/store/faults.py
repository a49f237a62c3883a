"""What is wrong with a database that cannot be read or written, from the exceptions of its driver."""

import logging
import os
import pwd
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import gevent
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.engine.errors import Problem, StoreError

log = logging.getLogger(__name__)

LOCKED = "locked by another process"
DAMAGED = "damaged"
READ_ONLY = "read-only"
FULL = "disk full"
NO_ANSWER = "no answer"
NO_MEMORY = "no memory left"
DISK_FAILING = "disk failing"
UNREACHABLE = "cannot be reached"
CROWDED = "too many connections"
OTHER_VERSION = "of another version: run `flask prepare`"
NEWER_VERSION = "of a newer Parlance: install that one, or restore a backup"
SERVED = "in use by a server that cannot work with what it would become: stop that one first"
HALF_MOVED = "half moved: give the command `flask move` again, or make the database anew"
NO_PERMISSION = "no permission"
MISSING = "missing, or cannot be opened: run `flask prepare` where there was none"
LOCK_SECONDS = 0.1
SETTLED_SECONDS = 2  # without a failure, after which a fault counts as over in the log

_REASONS = {
    sqlite3.SQLITE_PERM: NO_PERMISSION,
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_NOMEM: NO_MEMORY,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_IOERR: DISK_FAILING,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_CANTOPEN: MISSING,
    sqlite3.SQLITE_PROTOCOL: LOCKED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}
_OTHER_VERSION = ("no such table", "no such column", "has no column named")
# PostgreSQL's, by SQLSTATE, or by its first two characters.
_STATES = {
    "08": UNREACHABLE,
    "25006": READ_ONLY,
    "25P03": NO_ANSWER,  # this process stood still in the middle of a transaction
    "40001": LOCKED,
    "40P01": LOCKED,
    "42501": NO_PERMISSION,
    "42703": OTHER_VERSION,
    "42P01": OTHER_VERSION,
    "53100": FULL,
    "53200": NO_MEMORY,
    "53300": CROWDED,
    "55P03": LOCKED,
    "57014": NO_ANSWER,
    "57P": UNREACHABLE,  # it stops, or starts
    "58": DISK_FAILING,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
_OTHER_PLAN = "cached plan must not change result type"  # a migration, beside a connection that was open


def store_error(error: BaseException) -> StoreError | None:
    """What the store raises for an exception of SQLAlchemy or its driver; None where it is not the database's fault,
    but a mistake of ours or a constraint that held."""
    if not isinstance(error, SQLAlchemyError | sqlite3.Error) and not hasattr(error, "sqlstate"):
        return None
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    if hasattr(driver_error, "sqlstate"):  # PostgreSQL's driver is not loaded where SQLite serves
        reason = _postgres_reason(driver_error)
    else:
        reason = _sqlite_reason(driver_error) if isinstance(driver_error, sqlite3.Error) else None
    return StoreError(Problem.STORE_UNAVAILABLE, reason) if reason else None


def is_away(error: BaseException) -> bool:
    """Whether the database cannot be reached, or says nothing: it may be restarting."""
    return isinstance(error, StoreError) and error.reason.startswith((UNREACHABLE, NO_ANSWER))


def is_cut(error: BaseException) -> bool:
    """Whether PostgreSQL has not said what has become of the statement: the connection broke, or it took too long."""
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    return hasattr(driver_error, "sqlstate") and _postgres_reason(driver_error) in {UNREACHABLE, NO_ANSWER}


def _sqlite_reason(error: sqlite3.Error) -> str | None:
    code = getattr(error, "sqlite_errorcode", None)  # missing where the driver itself complains
    if code is None:
        return None
    if code == sqlite3.SQLITE_ERROR and any(words in str(error) for words in _OTHER_VERSION):
        return OTHER_VERSION
    return _REASONS.get(code & 0xFF)  # the extended codes' lowest byte is the kind


def _postgres_reason(error: Any) -> str | None:
    state = error.sqlstate
    if state is None:  # it is the driver that complains: of the connection, or of what it was given
        kind = type(error)
        is_protocol = kind.__name__ == "DatabaseError"  # what has come is no answer: pieces are missing, say
        lost = is_protocol or any(each.__name__ == "OperationalError" for each in kind.__mro__)
        return UNREACHABLE if lost else None
    if _OTHER_PLAN in str(error):
        return OTHER_VERSION
    return next((_STATES[state[:length]] for length in (5, 3, 2) if state[:length] in _STATES), None)


def for_operators(error: StoreError, place: str) -> str:
    """What is wrong with the database at the `place`, for those who run the server and nobody else: what helps, as
    which user the process has tried where another may be the one who can, and what PostgreSQL's driver says."""
    reason, cause = error.reason, getattr(error.__cause__, "orig", error.__cause__)
    if reason == DAMAGED:
        reason = f"{DAMAGED}: restore a backup"
    elif hasattr(cause, "sqlstate"):
        reason = f"{reason} ({' '.join(str(cause).split())})"
    elif reason in (MISSING, READ_ONLY, NO_PERMISSION):
        reason = f"{reason} (as {process_user()})"
    return f"{place}: {reason}"


def os_problem(error: OSError) -> str:
    """What the system refuses, in a line: the path, why, and to which user."""
    return f"{error.filename}: {error.strerror} (as {process_user()})"


def process_user() -> str:
    uid = os.geteuid()
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"uid {uid}"


@contextmanager
def known_errors() -> Iterator[None]:
    """Raises StoreError in the place of what `store_error` knows."""
    try:
        yield
    except Exception as error:
        known = store_error(error)
        if known is None:
            raise
        raise known from error


class Lasting:
    """A fault of what is done again and again: for as long as it lasts the log has one line."""

    def __init__(self, logger: logging.Logger, words: str) -> None:
        self._log, self._words, self._told = logger, words, False

    def failed(self, error: BaseException) -> None:
        if not self._told:
            self._log.warning("%s: %s", self._words, error.reason if isinstance(error, StoreError) else repr(error))
        self._told = True

    def succeeded(self) -> None:
        self._told = False


class Condition:
    """Of a database that is read, or written: `reason` is what is wrong with it, None where the latest call went well.

    The log tells when a fault begins (`bad`), and when it is over (`good`, and how long it was from the first failure
    to the first success): nothing has failed for SETTLED_SECONDS then, so that one which comes and goes fills no log.
    Used in greenlets only, since it logs; but for `lock_wanted_since` (seconds of the monotonic clock), which a
    writer's thread sets while it waits for the lock.
    """

    def __init__(self, bad: str, good: str) -> None:
        self.reason: str | None = None
        self.lock_wanted_since: float | None = None
        self._bad, self._good = bad, good
        self._began: float | None = None  # the fault that the log has told of; seconds of the monotonic clock
        self._over: float | None = None  # the first success since the latest failure
        self._waits = False  # for the fault to be settled

    def waits_for_lock(self) -> bool:
        """Whether a writer has waited for longer than it takes to get a lock that is free."""
        since = self.lock_wanted_since
        return since is not None and monotonic() - since > LOCK_SECONDS

    def failed(self, error: StoreError) -> None:
        self.reason, self._over = error.reason, None
        if self._began is None:
            self._began = monotonic()
            cause = getattr(error.__cause__, "orig", error.__cause__)  # the driver's own words, without the statement
            log.error("%s: %s", self._bad, error.reason, extra={"cause": repr(cause)} if cause else {})

    def succeeded(self) -> None:
        self.reason = None
        if self._began is not None and self._over is None:
            self._over = monotonic()
            if not self._waits:
                self._waits = True
                gevent.spawn_later(SETTLED_SECONDS, self._settle)

    def _settle(self) -> None:
        self._waits = False
        if self._began is None or self._over is None:
            return  # it has failed again: the next success waits anew
        early = SETTLED_SECONDS - (monotonic() - self._over)
        if early > 0:
            self._waits = True
            gevent.spawn_later(early, self._settle)
            return
        log.warning("%s, after %.0f s", self._good, self._over - self._began)
        self._began = self._over = None
