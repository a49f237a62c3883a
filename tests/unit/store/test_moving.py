"""A database of SQLite's moved to PostgreSQL: all of it, as it was, also where it took several tries."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from support.database import REF, ask, new_database, new_postgres_database, new_store

from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.database import Database
from app.store.faults import HALF_MOVED
from app.store.keys import KeyStore
from app.store.moving import PIECE, MoveError, move
from app.store.schema import version_problem
from app.store.tables import metadata
from app.store.users import UserStore
from app.store.workflows import WorkflowStore

SAID = 'what "PostgreSQL" takes \\u0000 \\ \t\n\r \N{GRINNING FACE} \\N \\.'
HUNDREDS = f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {2 * PIECE + 100})
    INSERT INTO things (user_id, name, content) SELECT (SELECT id FROM users), i, 'x' FROM n"""


@pytest.fixture
def source(tmp_path) -> Database:
    """With something in each table."""
    database = new_database(tmp_path)
    store = new_store(database)
    user = UserStore(database).create("ada@example.com", "correct horse", SAID)
    UserStore(database).start_session(user)
    KeyStore(database).create("widget", "demo", SAID, ["https://example.com"], require_origin=True, budget=2**40)
    conversation, _ = ask(store, REF, q1=SAID, answer="a1")
    store.add_answer(
        conversation,
        "a1",
        AnswerRecord(Message("assistant", (TextPart(SAID),)), "complete", "stop", Usage(3, 2**31), "m"),
    )
    ask(store, REF, q2="runs", answer="a2")
    workflow = WorkflowStore(database).add(user.id, {"name": SAID})
    with closing(sqlite3.connect(database.file)) as opened, opened:
        opened.execute(HUNDREDS)
        opened.execute("DELETE FROM things WHERE id = (SELECT max(id) FROM things)")
        opened.execute("INSERT INTO runs VALUES ('a1', ?, ?, 1, 'failed', ?, 1, 2)", (conversation, workflow.id, SAID))
        opened.execute("INSERT INTO run_steps VALUES ('a1', 's', 'complete', 1, 2, '[1]', NULL, 1)")
        opened.execute("INSERT INTO run_steps VALUES ('a1', 't', 'failed', 1, 2, NULL, ?, 2)", (SAID,))
        opened.execute("UPDATE conversations SET posted = ?, title = ?", (bytes(range(256)), "A\0B"))
        opened.execute("UPDATE keys SET name = ?", ("n" * 200,))
        opened.execute(
            "INSERT INTO earlier_answers VALUES ('k', 'f', 9, 'a1', 1, 'd', 'complete', 'stop', 3, ?, 'm', 1)", (2**40,)
        )
        opened.execute("INSERT INTO installation VALUES (1, 'of its secret')")
        opened.execute("INSERT INTO workers VALUES ('w', 7)")
        opened.execute("UPDATE keys SET expires_at = ?", (2**41,))
        opened.execute("UPDATE conversations SET pinned = 1")
        opened.execute(
            "INSERT INTO deliveries (id, webhook, event, conversation_id, payload, created_at, next_at, attempts) "
            "VALUES ('d', 'w', 'e', ?, ?, 1, 2, 3)",
            (conversation, SAID),
        )
    database.checkpoint()
    return database


@pytest.fixture
def target() -> Iterator[Database]:
    with new_postgres_database() as made:
        yield made


def contents(database: Database) -> dict[str, list[tuple]]:
    """All rows of all tables, with JSON as its text."""
    found = {}
    for table in metadata.sorted_tables:
        columns = ", ".join(
            f"CAST({column.name} AS text)" if column.type.__class__.__name__ == "JSON" else column.name
            for column in table.columns
        )
        query = text(f"SELECT {columns} FROM {table.name}")
        rows = database.read(lambda c, query=query: [tuple(row) for row in c.execute(query)])
        found[table.name] = sorted(rows, key=repr)
    return found


def told(progress: list) -> list[tuple[str, int, int]]:
    return [each for each in progress if each[0] == "things"]


def test_all_rows_of_all_tables_are_there_as_they_were(source, target) -> None:
    progress: list[tuple[str, int, int]] = []
    counts = move(source.file, target.url, lambda *done: progress.append(done))
    expected = contents(source)
    assert all(expected.values()), "no table is left out of this test"
    for conversation in range(len(expected["conversations"])):
        row = expected["conversations"][conversation]
        expected["conversations"][conversation] = tuple("A\ufffdB" if each == "A\0B" else each for each in row)
    expected["keys"] = [tuple("n" * 128 if each == "n" * 200 else each for each in row) for row in expected["keys"]]
    assert contents(target) == expected
    assert counts == {name: len(rows) for name, rows in expected.items()}
    things = counts["things"]
    assert told(progress) == [("things", done, things) for done in (0, PIECE, 2 * PIECE, things)]
    assert target.read(version_problem) is None
    next_one = "INSERT INTO things (user_id, name, content) SELECT id, 'n', 'c' FROM users RETURNING id"
    assert target.write(lambda c: c.exec_driver_sql(next_one).scalar_one()) == things + 2, "no id is ever used again"


class CutError(Exception):
    pass


def test_what_was_broken_off_is_not_served_and_goes_on_where_it_was(source, target) -> None:
    def cut(table: str, copied: int, _total: int) -> None:
        if (table, copied) == ("things", PIECE):
            raise CutError

    for _ in range(2):
        with pytest.raises(CutError):
            move(source.file, target.url, cut)
        assert target.read(version_problem) == HALF_MOVED
    progress: list[tuple[str, int, int]] = []
    counts = move(source.file, target.url, lambda *done: progress.append(done))
    assert told(progress)[0][1] == PIECE
    assert target.read(version_problem) is None
    assert {name: len(rows) for name, rows in contents(target).items()} == counts


def test_only_what_was_begun_goes_on(source, target) -> None:
    def cut(*_: object) -> None:
        raise CutError

    with pytest.raises(CutError):
        move(source.file, target.url, cut)
    KeyStore(source).create("secret", "demo")
    with pytest.raises(MoveError, match="of another file, or this one was written to meanwhile"):
        move(source.file, target.url, cut)


def test_what_postgresql_does_not_take_is_named_by_its_table(source, target) -> None:
    with closing(sqlite3.connect(source.file)) as opened, opened:
        opened.execute("UPDATE users SET email = ?", ("e" * 300,))
    with pytest.raises(MoveError, match="users, behind row 0: value too long for type character varying"):
        move(source.file, target.url, lambda *_: None)


def test_a_database_that_holds_something_is_left_as_it_is(source, target) -> None:
    KeyStore(target).create("secret", "demo")
    before = contents(target)
    with pytest.raises(MoveError, match="not empty: it has rows in audit, keys"):
        move(source.file, target.url, lambda *_: None)
    assert contents(target) == before
    assert target.read(version_problem) is None


def test_the_source_is_not_written_to(source, target) -> None:
    def files() -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in Path(source.file.parent).glob("parlance.db*")}

    before = files()
    move(source.file, target.url, lambda *_: None)
    assert files()["parlance.db"] == before["parlance.db"]
