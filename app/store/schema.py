"""The state of the database's schema, and how to bring it up to date."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from time import monotonic, sleep

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app.engine.errors import Problem, StoreError
from app.store.database import Database, make_engine
from app.store.faults import (
    DAMAGED,
    HALF_MOVED,
    LOCKED,
    NEWER_VERSION,
    OTHER_VERSION,
    SERVED,
    for_operators,
    known_errors,
    process_user,
)
from app.store.owning import is_served
from app.store.urls import place_of, sqlite_file
from app.store.versions import can_work_with

MIGRATIONS = Path(__file__).parent / "migrations"
MOVE_TABLE = "parlance_move"  # of moving.py, while it is under way
_MIGRATING = 0x7061726C  # an advisory lock of the database
_LOCK_SECONDS = 2  # for a table: shorter than servers have, whose calls wait behind this one's
_LOCK_TRIES = 15
_PAUSE_SECONDS = 1.0


def upgrade(database: Database, *, owned: bool = False) -> None:
    """Apply the migrations that are missing, in one transaction: all of them or none. Two that do so at once on
    PostgreSQL do so one after the other.

    Makes SQLite's file where there is none, readable by its owner only, and sets its journal to WAL. Raises StoreError,
    also for a database that is damaged, of a newer version, or served by code that cannot work with what it would
    become; `owned`: this process has it to itself.
    """
    if database.file:
        try:
            os.close(os.open(database.file, os.O_CREAT, 0o600))  # its -wal and -shm files inherit the mode
        except OSError as error:
            raise StoreError(
                Problem.STORE_UNAVAILABLE, f"cannot be made or opened: {error.strerror} (as {process_user()})"
            ) from error
        with known_errors(), closing(sqlite3.connect(database.file)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # it is kept in the file: setting it once is enough

        if find_damage(database.url):
            raise StoreError(Problem.STORE_UNAVAILABLE, DAMAGED)

        return database.write(partial(_migrate, file=database.file, owned=owned))
    for tries_left in reversed(range(_LOCK_TRIES)):
        try:
            return _migrate_postgres(database.url, owned=owned)
        except StoreError as error:
            if error.reason != LOCKED or not tries_left:
                raise
        sleep(_PAUSE_SECONDS)
    return None


def _migrate_postgres(url: str, *, owned: bool) -> None:
    with known_errors(), make_engine(url, patient=True).begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")  # another host may do so now
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
        _check_encoding(connection)
        _migrate(connection, None, owned=owned)


def _migrate(connection: Connection, file: Path | None, *, owned: bool) -> None:
    problem, revision = version_problem(connection), _revision(connection)
    if problem == NEWER_VERSION:
        raise StoreError(Problem.STORE_UNAVAILABLE, NEWER_VERSION)
    if problem != OTHER_VERSION:
        return  # nothing is missing
    if revision and not owned and not can_work_with(revision, _migrations()[0]) and is_served(connection, file):
        raise StoreError(Problem.STORE_UNAVAILABLE, SERVED)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_encoding(connection: Connection) -> None:
    """Raises StoreError where PostgreSQL's database cannot hold every text."""
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        reason = f"of the encoding {encoding}: make one with ENCODING 'UTF8' TEMPLATE template0"
        raise StoreError(Problem.STORE_UNAVAILABLE, reason)


def version_problem(connection: Connection) -> str | None:
    """None where the latest migration has been applied to the database, and all that was moved to it is there; a
    migration that this version does not know is a newer one's, beside which this one may be able to work."""
    revision, (newest, *older) = _revision(connection), _migrations()
    if revision is None or revision in older:
        return OTHER_VERSION
    if not can_work_with(newest, revision):
        return NEWER_VERSION
    return HALF_MOVED if _is_half_moved(connection) else None


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _is_half_moved(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        return False
    return connection.exec_driver_sql(f"SELECT to_regclass('{MOVE_TABLE}')").scalar_one() is not None


def why_not_prepared(url: str) -> str | None:
    """Why the database at `url` cannot be served, with the file, None where it can.

    For the process that will fork the workers: unlike `Database`, this starts no thread, which a fork would lose.
    """
    try:
        with known_errors(), make_engine(url).connect() as connection:
            reason = version_problem(connection)
        if reason is None and find_damage(url):
            reason = DAMAGED
        error = StoreError(Problem.STORE_UNAVAILABLE, reason) if reason else None
    except StoreError as raised:
        error = raised
    return for_operators(error, place_of(url)) if error else None


def find_damage(url: str, seconds: float = 1.0) -> bool | None:
    """Whether SQLite finds something wrong with the pages of its file; None where it did not see all of them within
    `seconds`. False for other databases."""
    if not sqlite_file(url):
        return False
    end = monotonic() + seconds
    try:
        with known_errors(), make_engine(url).connect() as connection:  # one that remembers no pages
            driver = connection.connection.driver_connection
            assert driver
            driver.set_progress_handler(lambda: monotonic() > end, 10_000)
            return bool(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() != "ok")
    except StoreError as error:
        if error.reason == DAMAGED:
            return True
        raise
    except OperationalError:
        return None


@cache
def _migrations() -> Sequence[str]:
    """The latest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
