"""What is told of a database that fails, and how often."""

import logging
import sqlite3

import gevent
import psycopg as postgres
import pytest
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from app.engine.errors import Problem, StoreError
from app.store.faults import (
    DAMAGED,
    FULL,
    LOCKED,
    OTHER_VERSION,
    READ_ONLY,
    SETTLED_SECONDS,
    UNREACHABLE,
    Condition,
    Lasting,
    is_away,
    is_cut,
    store_error,
)


def driver_error(code: int, words: str = "", kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error = kind(words)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_BUSY, LOCKED),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, LOCKED),
        (sqlite3.SQLITE_FULL, FULL),
        (sqlite3.SQLITE_READONLY, READ_ONLY),
        (sqlite3.SQLITE_READONLY_DBMOVED, READ_ONLY),
        (sqlite3.SQLITE_IOERR_WRITE, "disk failing"),
        (sqlite3.SQLITE_CANTOPEN, "missing, or cannot be opened: run `flask prepare` where there was none"),
        (sqlite3.SQLITE_CORRUPT, DAMAGED),
        (sqlite3.SQLITE_NOTADB, DAMAGED),
    ],
)
def test_sqlites_codes_have_reasons_also_as_sqlalchemy_passes_them_on(code, reason) -> None:
    error = driver_error(code)
    for each in (error, OperationalError("SELECT 1", (), error), DatabaseError("SELECT 1", (), error)):
        found = store_error(each)
        assert found
        assert (found.problem, found.reason) == (Problem.STORE_UNAVAILABLE, reason)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (driver_error(sqlite3.SQLITE_ERROR, "no such table: messages"), OTHER_VERSION),
        (driver_error(sqlite3.SQLITE_ERROR, "no such column: held"), OTHER_VERSION),
        (driver_error(sqlite3.SQLITE_ERROR, "table messages has no column named held"), OTHER_VERSION),
        (driver_error(sqlite3.SQLITE_ERROR, 'near "SELEKT": syntax error'), None),
        (driver_error(sqlite3.SQLITE_CONSTRAINT_UNIQUE, kind=sqlite3.IntegrityError), None),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), None),
        (ValueError("database is locked"), None),
    ],
)
def test_another_version_is_told_apart_from_a_mistake_of_ours(error, reason) -> None:
    wrapped = [OperationalError("SELECT 1", (), error), IntegrityError("SELECT 1", (), error)]
    for each in (error, *(wrapped if isinstance(error, sqlite3.Error) else ())):
        found = store_error(each)
        assert (found and found.reason) == reason


@pytest.mark.parametrize(
    ("error", "reason", "cut"),
    [
        (postgres.OperationalError("connection refused"), UNREACHABLE, True),
        (postgres.errors.ConnectionTimeout("connection timeout expired"), UNREACHABLE, True),
        (postgres.DatabaseError("lost synchronization with server"), UNREACHABLE, True),
        (postgres.errors.AdminShutdown(), UNREACHABLE, True),
        (postgres.errors.CannotConnectNow(), UNREACHABLE, True),
        (postgres.errors.QueryCanceled(), "no answer", True),
        (postgres.errors.IdleInTransactionSessionTimeout(), "no answer", True),
        (postgres.errors.LockNotAvailable(), LOCKED, False),
        (postgres.errors.DeadlockDetected(), LOCKED, False),
        (postgres.errors.ReadOnlySqlTransaction(), READ_ONLY, False),
        (postgres.errors.DiskFull(), FULL, False),
        (postgres.errors.OutOfMemory(), "no memory left", False),
        (postgres.errors.TooManyConnections(), "too many connections", False),
        (postgres.errors.IoError(), "disk failing", False),
        (postgres.errors.DataCorrupted(), DAMAGED, False),
        (postgres.errors.InsufficientPrivilege(), "no permission", False),
        (postgres.errors.UndefinedTable(), OTHER_VERSION, False),
        (postgres.errors.UndefinedColumn(), OTHER_VERSION, False),
        (postgres.errors.FeatureNotSupported("cached plan must not change result type"), OTHER_VERSION, False),
        (postgres.errors.UniqueViolation(), None, False),
        (postgres.errors.SyntaxError(), None, False),
        (postgres.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), None, False),
        (postgres.InterfaceError("the cursor is closed"), None, False),
    ],
    ids=repr,
)
def test_postgresqls_states_have_the_same_reasons(error, reason, cut) -> None:
    for each in (error, DatabaseError("SELECT 1", (), error)):
        found = store_error(each)
        assert (found and found.reason, is_cut(each)) == (reason, cut)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Without what earlier tests' faults say when they settle."""
    return [line for line in caplog.messages if line.startswith("it is")]


def test_a_fault_is_told_when_it_begins_and_when_it_has_ended_however_often_it_comes_and_goes(caplog) -> None:
    condition = Condition("it is bad", "it is good")
    full = StoreError(Problem.STORE_UNAVAILABLE, FULL)
    for _ in range(100):
        condition.failed(full)
        assert condition.reason == FULL
        condition.succeeded()
        assert condition.reason is None
    assert told(caplog) == ["it is bad: disk full"]
    gevent.sleep(SETTLED_SECONDS / 2)
    condition.failed(full)
    condition.succeeded()
    gevent.sleep(SETTLED_SECONDS * 0.75)
    assert len(told(caplog)) == 1, "it failed a moment ago"
    gevent.sleep(SETTLED_SECONDS * 0.5)
    condition.failed(full)
    assert told(caplog)[1:] == ["it is good, after 1 s", "it is bad: disk full"]


def test_a_fault_is_as_long_as_until_the_first_success_and_its_end_is_told_though_no_other_follows(caplog) -> None:
    condition = Condition("it is bad", "it is good")
    condition.failed(StoreError(Problem.STORE_UNAVAILABLE, FULL))
    condition.succeeded()
    gevent.sleep(SETTLED_SECONDS + 0.5)
    assert told(caplog) == ["it is bad: disk full", "it is good, after 0 s"]


def test_a_fault_without_a_cause_names_none(caplog) -> None:
    condition = Condition("it is bad", "it is good")
    condition.failed(StoreError(Problem.STORE_UNAVAILABLE, LOCKED))
    assert not hasattr(caplog.records[0], "cause")


def test_a_fault_that_lasts_has_one_line(caplog) -> None:
    saving = Lasting(logging.getLogger("test"), "nothing is saved")
    for _ in range(3):
        saving.failed(StoreError(Problem.STORE_UNAVAILABLE, FULL))
    saving.succeeded()
    saving.failed(OSError("no"))
    assert [record.getMessage() for record in caplog.records] == [
        "nothing is saved: disk full",
        "nothing is saved: OSError('no')",
    ]


def test_away_is_what_may_be_back_by_itself() -> None:
    told = {reason: is_away(StoreError(Problem.STORE_UNAVAILABLE, reason)) for reason in (UNREACHABLE, FULL, LOCKED)}
    assert told == {UNREACHABLE: True, FULL: False, LOCKED: False}
    assert is_away(StoreError(Problem.STORE_UNAVAILABLE, "no answer within 5 s"))
    assert not is_away(OSError())
