"""Migrations: they end in the tables that the code knows, all of them or none."""

import os
import sqlite3
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import OperationalError
from support.database import new_postgres_database, new_store, rows

from app.engine.conversation import ConversationRef, QuestionEntry, RequestKey
from app.engine.errors import RepeatedError, StoreError
from app.engine.messages import text_message
from app.store.answer_states import AnswerStates
from app.store.database import Database, make_engine
from app.store.faults import DAMAGED, NEWER_VERSION, OTHER_VERSION, SERVED
from app.store.keys import KeyStore
from app.store.locks import try_lock
from app.store.owning import own_postgres
from app.store.schema import _config, find_damage, upgrade, version_problem, why_not_prepared
from app.store.tables import metadata, now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "parlance.db"


@pytest.fixture
def database(path):
    return Database(f"sqlite:///{path}")


def migrate(how, connection, revision: str) -> None:
    """Run Alembic's command on this connection."""
    config = _config()
    config.attributes["connection"] = connection
    how(config, revision)


def test_the_migrations_end_in_the_tables_that_the_code_knows(database) -> None:
    upgrade(database)
    options = {"compare_type": True, "compare_server_default": True}
    differences = database.read(lambda c: compare_metadata(MigrationContext.configure(c, opts=options), metadata))
    assert differences == []


def test_they_do_so_on_postgresql_too_and_there_and_back_nothing_is_lost() -> None:
    with new_postgres_database() as made:
        options = {"compare_type": True, "compare_server_default": True}
        compare = lambda c: compare_metadata(MigrationContext.configure(c, opts=options), metadata)  # noqa: E731
        assert made.read(compare) == []
        key = KeyStore(made).create("secret", "demo", budget=3)
        made.write(lambda connection: migrate(command.downgrade, connection, "0005"))
        made.write(lambda connection: migrate(command.upgrade, connection, "head"))
        assert made.read(compare) == []
        assert KeyStore(made).find(key.encode()).credits == 3


def test_a_database_version_problem_after_its_upgrade_and_a_second_one_is_harmless(database) -> None:
    with pytest.raises(StoreError):
        database.read(version_problem)
    upgrade(database)
    assert database.read(version_problem) is None
    key = KeyStore(database).create("secret", "demo")
    upgrade(database)
    assert database.read(version_problem) is None
    assert KeyStore(database).find(key.encode())


def test_whether_a_database_can_be_served_can_be_asked_before_there_is_a_server(database, path) -> None:
    for file in (path, Path("/nowhere/parlance.db")):
        why = why_not_prepared(f"sqlite:///{file}")
        assert why.startswith(f"{file}: missing, or cannot be opened: run `flask prepare` where there was none (as u")
    assert not path.exists(), "asking makes no file"
    path.touch()
    assert why_not_prepared(database.url) == f"{path}: {OTHER_VERSION}"
    upgrade(database)
    assert why_not_prepared(database.url) is None


def damage(path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"damaged!" * 512)


@pytest.mark.parametrize("page", [0, 10])
def test_a_damaged_file_is_not_served(database, path, page) -> None:
    upgrade(database)
    database.checkpoint()
    assert find_damage(database.url) is False
    damage(path, page * 4096)
    assert find_damage(database.url) is True
    assert why_not_prepared(database.url) == f"{path}: damaged: restore a backup"
    with pytest.raises(StoreError) as refused:
        upgrade(database)
    assert refused.value.reason == DAMAGED


def test_a_database_of_a_newer_version_is_told_from_one_that_waits_for_its_migrations(database, path) -> None:
    upgrade(database)
    for revision, problem in (("0001", OTHER_VERSION), ("0099", NEWER_VERSION)):
        move = f"UPDATE alembic_version SET version_num = '{revision}'"
        database.write(lambda c, move=move: c.exec_driver_sql(move))
        assert database.read(version_problem) == problem
        assert why_not_prepared(database.url) == f"{path}: {problem}"
    with pytest.raises(StoreError) as refused:
        upgrade(database)
    assert refused.value.reason == NEWER_VERSION
    assert rows(database, "SELECT version_num FROM alembic_version") == [("0099",)]


def test_a_newer_version_that_says_so_lets_this_one_go_on_and_start(database) -> None:
    upgrade(database)
    (newest,) = rows(database, "SELECT version_num FROM alembic_version")[0]
    newer = f"0099_since_{newest[:4]}"
    database.write(lambda c: c.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{newer}'"))
    assert database.read(version_problem) is None
    assert why_not_prepared(database.url) is None
    upgrade(database)
    assert rows(database, "SELECT version_num FROM alembic_version") == [(newer,)], "nothing is to be done"


def test_what_a_server_could_not_work_with_is_not_applied_while_one_runs(database, path) -> None:
    path.touch()
    database.write(lambda connection: migrate(command.upgrade, connection, "0005"))
    lock = path.with_name("parlance.db.lock")
    held = try_lock(lock)
    is_refused_as_served(database, "0005")
    os.close(held)
    upgrade(database)
    assert database.read(version_problem) is None


def test_nor_on_postgresql() -> None:
    with new_postgres_database() as made:
        made.write(lambda connection: migrate(command.downgrade, connection, "0005"))
        with own_postgres(made.url, shared=True):
            is_refused_as_served(made, "0005")
            upgrade(made, owned=True)
        assert made.read(version_problem) is None


def is_refused_as_served(database: Database, revision: str) -> None:
    with pytest.raises(StoreError) as refused:
        upgrade(database)
    assert refused.value.reason == SERVED
    assert rows(database, "SELECT version_num FROM alembic_version") == [(revision,)]


def test_who_calls_while_a_migration_waits_for_a_table_waits_for_two_seconds_at_most() -> None:
    with new_postgres_database() as made, ThreadPoolExecutor(1) as pool, make_engine(made.url).connect() as reader:
        made.write(lambda connection: migrate(command.downgrade, connection, "0013"))
        reader.exec_driver_sql("SELECT count(*) FROM messages")  # and its transaction goes on, as a dump's does
        migrating = pool.submit(upgrade, made)
        time.sleep(0.5)
        began = time.monotonic()
        made.write(lambda c: c.exec_driver_sql("UPDATE messages SET mark = mark"))
        assert time.monotonic() - began < 2.5
        assert not migrating.done()
        reader.rollback()
        migrating.result(10)
        assert made.read(version_problem) is None


def test_looking_for_damage_takes_no_longer_than_it_may(database) -> None:
    upgrade(database)
    assert find_damage(database.url, seconds=0) in {None, False}, (
        "a small file may be looked through before the clock is"
    )
    ten_thousand = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i, i FROM n"
    database.write(lambda c: c.exec_driver_sql(f"CREATE TABLE many AS {ten_thousand}"))
    assert find_damage(database.url, seconds=0) is None


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
    assert database.read(version_problem) == OTHER_VERSION


def test_what_an_older_server_held_and_left_under_way_is_ended_and_all_else_is_kept(database, path) -> None:
    """From the tables before answers that run had rows of their own, and back."""
    path.touch()
    database.write(lambda connection: migrate(command.upgrade, connection, "0005"))
    with closing(sqlite3.connect(path)) as old:
        old.executescript("""
            INSERT INTO keys VALUES ('k', 'secret', 'demo', '', 'h', '[]', 0, 1, NULL, 10, 4, 3);
            INSERT INTO conversations (id, agent, channel, owner, created_at, updated_at)
                VALUES ('c', 'd', 'w', 'o', 1, 1);
            INSERT INTO messages (id, conversation_id, sequence, role, parts, status, created_at) VALUES
                ('q', 'c', 1, 'user', '[]', 'complete', 1), ('a', 'c', 2, 'assistant', '[]', 'superseded', 2);
            INSERT INTO runs VALUES
                ('a', 'c', 'w', 1, 'running', NULL, 1, NULL), ('b', 'c', 'w', 1, 'failed', 'x', 1, 2);
        """)
    upgrade(database)
    assert rows(database, "SELECT id, spent, credits FROM keys") == [("k", 4, 10)]
    found = rows(database, "SELECT id, status, worker, payer, held FROM messages ORDER BY id")
    assert found == [("a", "superseded", None, None, 0), ("q", "complete", None, None, 0)]
    found = rows(database, "SELECT id, status, ended_at IS NULL FROM runs ORDER BY id")
    assert found == [("a", "interrupted", 0), ("b", "failed", 0)]
    database.write(lambda c: c.exec_driver_sql("UPDATE messages SET status = 'running' WHERE id = 'a'"))
    database.write(lambda connection: migrate(command.downgrade, connection, "0005"))
    assert rows(database, "SELECT spent, held FROM keys") == [(4, 0)]
    assert rows(database, "SELECT status FROM messages WHERE id = 'a'") == [("interrupted",)]


def test_keys_of_questions_are_known_over_the_upgrade_also_of_answers_that_have_made_room(database, path) -> None:
    path.touch()
    database.write(lambda connection: migrate(command.upgrade, connection, "0010"))
    ends = {"stop": "complete", "error": "failed", "other": "interrupted", None: "interrupted"}
    answers = [*(("superseded", reason) for reason in ends), ("failed", "error")]
    with closing(sqlite3.connect(path)) as old:
        old.executescript("""
            INSERT INTO conversations (id, agent, channel, owner, external_id, created_at, updated_at)
                VALUES ('c', 'd', 'w', 'o', 's', 1, 1);
            INSERT INTO messages (id, conversation_id, sequence, role, parts, status, created_at)
                VALUES ('q', 'c', 1, 'user', '[]', 'complete', 1);
        """)
        for number, (status, reason) in enumerate(answers):
            old.execute(
                "INSERT INTO messages (id, conversation_id, sequence, role, parts, created_at, fingerprint, status, "
                "finish_reason, request_key, asked_again_until) VALUES "
                """(?, 'c', ?, 'assistant', '[{"type": "text", "text": "so"}]', 1, 'f', ?, ?, ?, ?)""",
                (f"a{number}", number + 2, status, reason, f"k{number}", now() + 60_000),
            )
        old.commit()
    upgrade(database)
    states = AnswerStates(database)
    told = [states.asked_with(f"k{number}") for number in range(len(answers))]
    assert [each and (each.id, each.status, each.message.text) for each in told] == [
        (f"a{number}", status, "so") for number, status in enumerate([*ends.values(), "failed"])
    ]
    store, ref = new_store(database), ConversationRef("d", "w", "o", "s")
    for number in range(len(answers)):
        key = RequestKey(f"k{number}", "f")
        entry = QuestionEntry(ref, {"q2": text_message("user", "x")}, 9, "a", request_key=key)
        with pytest.raises(RepeatedError) as repeated:
            store.add_question(entry, lambda _: None)
        assert repeated.value.answer_id == f"a{number}"
    database.write(lambda connection: migrate(command.downgrade, connection, "0010"))
    assert rows(database, "SELECT count(*) FROM messages WHERE status = 'superseded'") == [(4,)]
