"""Migrations: they end in the tables that the code knows, all of them or none."""

import sqlite3
import stat

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import OperationalError

from app.store.database import Database
from app.store.keys import KeyStore
from app.store.schema import is_current, is_prepared, upgrade
from app.store.tables import metadata


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "parlance.db"


@pytest.fixture
def database(path):
    return Database(f"sqlite:///{path}")


def test_the_migrations_end_in_the_tables_that_the_code_knows(database) -> None:
    upgrade(database)
    options = {"compare_type": True, "compare_server_default": True}
    differences = database.read(lambda c: compare_metadata(MigrationContext.configure(c, opts=options), metadata))
    assert differences == []


def test_a_database_is_current_after_its_upgrade_and_a_second_one_is_harmless(database) -> None:
    assert database.read(is_current) is False
    upgrade(database)
    assert database.read(is_current) is True
    key = KeyStore(database).create("secret", "demo")
    upgrade(database)
    assert database.read(is_current) is True
    assert KeyStore(database).find(key.encode())


def test_whether_a_database_is_prepared_can_be_asked_before_there_is_a_server(database) -> None:
    assert is_prepared(database.url) is False
    assert is_prepared("sqlite:////nowhere/parlance.db") is False
    upgrade(database)
    assert is_prepared(database.url) is True


def test_the_database_is_for_its_owner_only(database, path) -> None:
    upgrade(database)
    KeyStore(database).create("secret", "demo")
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_migration_that_fails_leaves_nothing_behind(database, path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE keys (something)")
    connection.close()
    with pytest.raises(OperationalError, match="already exists"):
        upgrade(database)
    tables = database.read(lambda c: c.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all())
    assert tables == ["keys"]
    assert database.read(is_current) is False
