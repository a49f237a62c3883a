"""Statements that are compiled once: they give and raise what SQLAlchemy's own way of running them does."""

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from support.database import SQLITE_ONLY

from app.engine.errors import StoreError
from app.store.compiled import Compiled
from app.store.faults import OTHER_VERSION
from app.store.tables import keys

NAMES = ["id", "kind", "agent", "name", "hash", "origins", "require_origin", "created_at"]
KEY = dict(zip(NAMES, ["k1", "widget", "demo", "ü", "h1", ["https://a"], True, 2**40], strict=True))

CREATE = Compiled(insert(keys), NAMES)
FIND = select(keys.c.id, keys.c.origins, keys.c.require_origin, keys.c.created_at, keys.c.credits, keys.c.spent + 1)
BY_HASH = FIND.where(keys.c.hash == bindparam("digest"), keys.c.kind == "widget")


def test_rows_are_those_of_sqlalchemy_with_their_types_and_names(database) -> None:
    database.write(lambda c: CREATE.run(c, KEY))
    row = database.read(lambda c: Compiled(BY_HASH).one_or_none(c, {"digest": "h1"}))
    assert tuple(row) == tuple(database.read(lambda c: c.execute(BY_HASH, {"digest": "h1"}).one()))
    assert (row.id, row.origins, row.require_origin, row.created_at, row.credits) == (
        "k1",
        ["https://a"],
        True,
        2**40,
        None,
    )
    assert row[-1] == 1
    assert database.read(lambda c: Compiled(BY_HASH).one_or_none(c, {"digest": "h2"})) is None


def test_many_rows_are_written_at_once_and_those_that_were_changed_are_counted(database) -> None:
    each = [{**KEY, "id": f"k{number}", "hash": f"h{number}"} for number in range(3)]
    database.write(lambda c: CREATE.run_each(c, each))
    rename = Compiled(update(keys).where(keys.c.name == bindparam("before")).values(name=bindparam("after")))
    assert database.write(lambda c: rename.run(c, {"before": "ü", "after": "new"})) == 3
    assert database.write(lambda c: rename.run(c, {"before": "ü", "after": "new"})) == 0
    names = Compiled(select(keys.c.name).where(keys.c.kind == bindparam("kind")))
    assert database.read(lambda c: [*names.rows(c, {"kind": "widget"})]) == [("new",)] * 3
    assert database.read(lambda c: names.scalar(c, {"kind": "widget"})) == "new"
    assert database.read(lambda c: names.scalar(c, {"kind": "secret"})) is None


def test_what_a_constraint_refuses_is_raised_without_what_was_said(database) -> None:
    database.write(lambda c: CREATE.run(c, KEY))
    with pytest.raises(IntegrityError) as refusal:
        database.write(lambda c: CREATE.run(c, {**KEY, "id": "k2"}))
    assert "https://a" not in str(refusal.value).replace(str(refusal.value.orig), "")
    assert database.read(lambda c: Compiled(BY_HASH).one_or_none(c, {"digest": "h1"})).id == "k1"


def test_a_value_that_is_missing_is_an_error_and_no_null(database) -> None:
    with pytest.raises(Exception, match="name"):
        database.write(lambda c: CREATE.run(c, {name: value for name, value in KEY.items() if name != "name"}))


@SQLITE_ONLY
def test_a_table_of_another_version_is_known(database) -> None:
    find = Compiled(BY_HASH)
    database.write(lambda c: c.exec_driver_sql("ALTER TABLE keys RENAME COLUMN spent TO used"))
    with pytest.raises(StoreError) as refusal:
        database.read(lambda c: find.one_or_none(c, {"digest": "h1"}))
    assert refusal.value.reason == OTHER_VERSION
