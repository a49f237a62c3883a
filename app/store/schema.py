"""The state of the database's schema, and how to bring it up to date."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from time import monotonic

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from app.engine.errors import Problem, StoreError
from app.store.database import Database, make_engine, sqlite_file
from app.store.faults import DAMAGED, NEWER_VERSION, OTHER_VERSION, for_operators, known_errors, process_user

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Apply the migrations that are missing, in one transaction: all of them or none.

    Makes SQLite's file where there is none, readable by its owner only, and sets its journal to WAL. Raises StoreError,
    also for a database that is damaged or of a newer version.
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

    def migrate(connection: Connection) -> None:
        if version_problem(connection) == NEWER_VERSION:
            raise StoreError(Problem.STORE_UNAVAILABLE, NEWER_VERSION)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    database.write(migrate)


def version_problem(connection: Connection) -> str | None:
    """None where the latest migration has been applied to the database; a migration that this version does not know is
    a newer one's."""
    revision, known = MigrationContext.configure(connection).get_current_revision(), _migrations()
    if revision == known[0]:
        return None
    return OTHER_VERSION if revision is None or revision in known else NEWER_VERSION


def why_not_prepared(url: str) -> str | None:
    """Why the database at `url` cannot be served, with the file, None where it can.

    For the process that will fork the workers: unlike `Database`, this starts no thread, which a fork would lose.
    """
    try:
        with known_errors(), make_engine(url).connect() as connection:
            reason = version_problem(connection)
        if reason is None and find_damage(url):
            reason = DAMAGED
    except StoreError as error:
        reason = error.reason
    return for_operators(reason, sqlite_file(url)) if reason else None


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
