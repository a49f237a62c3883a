"""The state of the database's schema, and how to bring it up to date."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, make_url
from sqlalchemy.exc import OperationalError

from app.store.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Apply the migrations that are missing, in one transaction: all of them or none.

    Makes SQLite's file where there is none, readable by its owner only, and sets its journal to WAL.
    """
    url = make_url(database.url)
    if url.get_backend_name() == "sqlite" and url.database:
        os.close(os.open(url.database, os.O_CREAT, 0o600))  # its -wal and -shm files inherit the mode
        with closing(
            sqlite3.connect(url.database)
        ) as connection:  # the mode is kept in the file: setting it once is enough
            connection.execute("PRAGMA journal_mode = WAL")

    def migrate(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    database.write(migrate)


def is_current(connection: Connection) -> bool:
    """Whether the latest migration has been applied to the database."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def is_prepared(url: str) -> bool:
    """Whether the database at `url` can be reached and is current.

    For the process that will fork the workers: unlike `Database`, this starts no thread, which a fork would lose.
    """
    try:
        with create_engine(url, poolclass=NullPool).connect() as connection:
            return is_current(connection)
    except OperationalError:
        return False


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
