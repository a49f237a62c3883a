"""Which code can work with which schema, and what a migration may do beside which older code serves."""

from pathlib import Path

import pytest
from alembic import command
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, inspect

from app.store.database import Database
from app.store.schema import _config
from app.store.versions import can_work_with

MIGRATIONS: list[Script] = [*ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
ADDING = ("0009", "0010", "0013", "0014")  # which do not say so, since the code before them would not have understood
SAY_SO = [each for each in MIGRATIONS if "_since_" in each.revision or each.revision in ADDING]


@pytest.mark.parametrize(
    ("code", "schema", "can"),
    [
        ("0014", "0014", True),
        ("0014", "0015_since_0014", True),
        ("0014", "0016_since_0013", True),
        ("0014", "0016_since_0015", False),
        ("0015_since_0014", "0016_since_0015", True),
        ("0015_since_0014", "0015_since_0014", True),
        ("0014", "0015", False),
        ("0015_since_0014", "0014", False),
        ("0014", "something else", False),
    ],
)
def test_code_works_with_its_own_schema_and_with_a_newer_one_that_says_so(code, schema, can) -> None:
    assert can_work_with(code, schema) is can


Described = dict[str, str | tuple[str, ...]]
"""By name: of a table, of a column, or of a demand on several columns."""


def described(connection: Connection) -> Described:
    """What code may rest on, and what is demanded of it."""
    found: Described = {}
    looking = inspect(connection)
    for table in set(looking.get_table_names()) - {"alembic_version"}:
        found[table] = "a table"
        for column in looking.get_columns(table):
            demanded = not column["nullable"] and column["default"] is None
            found[f"{table}.{column['name']}"] = f"{column['type']}{', demanded' if demanded else ''}"
        unique = [each for each in looking.get_indexes(table) if each["unique"]]
        for each in (*unique, *looking.get_unique_constraints(table)):
            found[f"{table}: {each['name']}"] = tuple(f"{table}.{name}" for name in each["column_names"])
        for each in looking.get_foreign_keys(table):
            found[f"{table}: {each['name']}"] = tuple(f"{table}.{name}" for name in each["constrained_columns"])
        for each in looking.get_check_constraints(table):
            found[f"{table}: {each['sqltext']}"] = ("checked",)
    return found


def more_than_added(before: Described, after: Described) -> list[str]:
    """What code that knows `before` would miss, or not meet, given `after`."""
    missed = [name for name, what in before.items() if after.get(name) != what]
    unmet = []
    for name in after.keys() - before.keys():
        table = name.replace(":", ".").partition(".")[0]
        what = after[name]
        is_demand = any(each in before for each in what) if isinstance(what, tuple) else what.endswith("demanded")
        if table in before and (is_demand or what == ("checked",)):
            unmet.append(name)
    return sorted([*missed, *unmet])


def steps_of(folder: Path, migration: Script) -> list[str]:
    """What a migration does that is more than to add."""
    path = folder / "parlance.db"
    path.touch()
    database = Database(f"sqlite:///{path}")

    def migrate(connection: Connection, revision: str) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    database.write(lambda connection: migrate(connection, str(migration.down_revision)))
    before = database.read(described)
    database.write(lambda connection: migrate(connection, migration.revision))
    return more_than_added(before, database.read(described))


@pytest.mark.parametrize("migration", SAY_SO, ids=lambda each: each.revision)
def test_a_migration_beside_which_older_code_can_go_on_only_adds(migration, tmp_path) -> None:
    assert steps_of(tmp_path, migration) == []


def test_what_is_more_than_added_is_noticed(tmp_path) -> None:
    (replacing,) = (each for each in MIGRATIONS if each.revision == "0006")
    assert steps_of(tmp_path, replacing) == ["keys.held", "messages: uq_messages_running"]


def test_code_that_cannot_work_with_a_migration_cannot_with_a_later_one() -> None:
    since = [each.revision.partition("_since_")[2] or each.revision[:4] for each in MIGRATIONS]
    assert since == sorted(since)
