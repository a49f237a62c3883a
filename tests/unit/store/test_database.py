"""The database itself: what a commit means, and who waits while somebody else holds the lock."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import gevent
import pytest
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import IntegrityError, OperationalError
from support.database import ask, new_database, new_postgres_database, new_store, rows
from support.fakes import problem_of
from support.processes import open_files
from support.storage import full_disk, locked

from app.engine.conversation import ConversationRef
from app.engine.errors import ChatError, Problem, StoreError
from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.database import MOST_WAITING, READERS, Database, beside_database
from app.store.faults import LOCKED
from app.testing.server import ROOT, eventually

pytestmark = pytest.mark.timed

ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m")


@pytest.fixture
def database(tmp_path) -> Database:
    """SQLite's: it is its file that all of this is about."""
    return new_database(tmp_path)


def test_a_commit_is_on_the_disk_and_references_are_checked(database) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    for use in (database.read, database.write):
        found = use(lambda c: [c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas])
        assert found == ["wal", 2, 1, 1]


def test_readers_go_on_while_somebody_writes(conversations, database) -> None:
    ask(conversations, q1="x")
    outside = sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    outside.execute("DELETE FROM messages")
    assert rows(database, "SELECT count(*) FROM messages") == [(1,)]
    outside.execute("ROLLBACK")
    outside.close()


HOLDER = """
import os
import sqlite3, sys, time

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(0.5)
connection.execute("COMMIT")
"""


def test_a_lock_that_another_process_holds_stops_nobody_but_the_writer(conversations, database) -> None:
    conversation, _ = ask(conversations, q1="x", answer="a1")
    ticks: list[float] = []

    def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            gevent.sleep(0.01)

    path = database.url.removeprefix("sqlite:///")
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        ticker = gevent.spawn(tick)
        writer = gevent.spawn(conversations.add_answer, conversation, "a1", ANSWER)
        begun = time.monotonic()
        assert rows(database, "SELECT status FROM messages WHERE id = 'a1'") == [("running",)], "readers go on"
        assert time.monotonic() - begun < 0.25
        writer.get(timeout=10)
        waited = time.monotonic() - begun
        ticker.kill()
    assert waited > 0.2, "the writer waited for the lock"
    assert max(later - earlier for earlier, later in pairwise(ticks)) < 0.25
    assert rows(database, "SELECT status FROM messages WHERE id = 'a1'") == [("complete",)]


def test_all_writers_are_refused_by_their_deadline_while_the_database_stays_locked(conversations, database) -> None:
    """Counted from each one's call, however many came before; and the reason is told once."""

    def refused(number: int) -> tuple[StoreError, float]:
        gevent.sleep(number / 20)
        begun = time.monotonic()
        with pytest.raises(StoreError) as refusal:
            database.write(lambda _: pytest.fail("begun"), 1)
        return refusal.value, time.monotonic() - begun

    ask(conversations, q1="x")
    with locked(database.file):
        writers = [gevent.spawn(refused, number) for number in range(10)]
        gevent.joinall(writers, timeout=5, raise_error=True)
        assert database.writing.reason is not None
        assert rows(database, "SELECT id FROM messages") == [("q1",)], "readers go on"
    assert {error.problem for error, _ in (writer.value for writer in writers)} == {Problem.STORE_UNAVAILABLE}
    assert writers[0].value[0].reason == LOCKED
    assert max(waited for _, waited in (writer.value for writer in writers)) < 1.2
    ask(conversations, q2="x")
    assert database.writing.reason is None


def test_a_write_that_was_given_up_while_it_waited_for_the_lock_never_happens(conversations, database) -> None:
    with locked(database.file):
        writer = gevent.spawn(ask, conversations, q1="x")
        gevent.sleep(0.2)  # by now the thread waits for the lock
        writer.kill(timeout=0.2)
        assert writer.dead
    ask(conversations, q2="x")
    assert rows(database, "SELECT id FROM messages") == [("q2",)]


def test_readers_work_side_by_side(database) -> None:
    meeting = threading.Barrier(READERS, timeout=10)
    readers = [gevent.spawn(database.read, lambda _: meeting.wait()) for _ in range(READERS)]
    gevent.joinall(readers, timeout=10, raise_error=True)


def test_a_full_queue_is_an_overload(database) -> None:
    release = threading.Event()
    waiting = [gevent.spawn(database.write, lambda _: release.wait(10)) for _ in range(MOST_WAITING + 1)]
    gevent.sleep(0)
    assert problem_of(lambda: database.write(lambda _: None)) is Problem.OVERLOADED
    assert database.read(lambda _: "readers are not concerned") == "readers are not concerned"
    release.set()
    gevent.joinall(waiting, timeout=10, raise_error=True)


def test_a_file_that_was_moved_away_is_neither_written_nor_made_anew(conversations, database) -> None:
    ask(conversations, q1="x")
    away = database.file.with_suffix(".away")
    database.file.rename(away)
    for _ in range(2):
        assert problem_of(lambda: ask(conversations, q2="x")) is Problem.STORE_UNAVAILABLE
        assert problem_of(lambda: rows(database, "SELECT id FROM messages")) is Problem.STORE_UNAVAILABLE
    assert not database.file.exists()
    away.rename(database.file)
    ask(conversations, q3="x")
    assert rows(database, "SELECT id FROM messages") == [("q1",), ("q3",)]


def test_a_file_that_was_replaced_is_the_one_that_is_used(conversations, database) -> None:
    ask(conversations, q1="x")
    database.checkpoint()
    other = database.file.with_suffix(".other")
    other.write_bytes(database.file.read_bytes())
    ask(conversations, q2="x")
    for suffix in ("-wal", "-shm"):
        database.file.with_name(database.file.name + suffix).unlink()
    other.rename(database.file)
    ask(conversations, q3="x")
    assert rows(database, "SELECT id FROM messages") == [("q1",), ("q3",)]
    with closing(sqlite3.connect(database.file)) as outside:
        assert outside.execute("SELECT count(*) FROM messages").fetchone() == (2,)


def test_a_commit_that_fails_has_changed_nothing_and_the_next_one_works(conversations, database, caplog) -> None:
    ask(conversations, q1="x")
    with full_disk(database.file):
        for number in range(5):
            assert problem_of(lambda name=f"lost{number}": ask(conversations, **{name: "x" * 50_000})) is (
                Problem.STORE_UNAVAILABLE
            )
        assert rows(database, "SELECT id FROM messages") == [("q1",)], "what is there can be read"
    ask(conversations, q2="x" * 50_000)
    assert rows(database, "SELECT id FROM messages") == [("q1",), ("q2",)]
    told = [record.getMessage() for record in caplog.records if record.name == "app.store.faults"]
    assert len(told) == 1, "not each failure"
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]


def wait_together(database: Database, *works: Callable[[Connection], object]) -> list[Exception | None]:
    """They wait for the lock, and go into one transaction when they have it. What each raises."""

    def raised(work: Callable[[Connection], object]) -> Exception | None:
        try:
            database.write(work)
        except Exception as error:  # noqa: BLE001 - the tests look at it
            return error
        return None

    with locked(database.file):
        writers = [gevent.spawn(raised, work) for work in works]
        gevent.sleep(0.1)
    return [writer.get(timeout=10) for writer in writers]


def noted(name: str, error: BaseException | None = None) -> Callable[[Connection], None]:
    """Writes a row, and then raises the error, if there is one."""

    def work(connection: Connection) -> None:
        connection.execute(text("INSERT INTO workers (id, beats) VALUES (:name, 1)"), {"name": name})
        if error:
            raise error

    return work


def commits(database: Database) -> int:
    """How many are in the write-ahead log: a frame that ends one says how many pages the database has then (section 4.1
    of https://www.sqlite.org/fileformat2.html)."""
    log = database.file.with_name(f"{database.file.name}-wal").read_bytes()
    salt = log[16:24]
    frames = [log[start : start + 24] for start in range(32, len(log), 24 + 4096)]
    return sum(frame[8:16] == salt and frame[4:8] != bytes(4) for frame in frames)


def test_those_who_wait_to_write_wait_for_the_disk_once(database) -> None:
    database.write(noted("before"))
    before = commits(database)
    assert wait_together(database, *(noted(f"w{number}") for number in range(30))) == [None] * 30
    assert commits(database) - before <= 3
    assert rows(database, "SELECT count(*) FROM workers") == [(31,)]


def test_a_write_that_fails_among_others_undoes_itself_alone(database) -> None:
    failures = [None, ChatError(Problem.BUSY), None, None, ZeroDivisionError(), None]
    works = [noted(name, error) for name, error in zip("abccde", failures, strict=True)]  # there is one "c" then
    raised = wait_together(database, *works)
    assert commits(database) <= 2
    assert [type(error) for error in raised if error] == [ChatError, IntegrityError, ZeroDivisionError]
    assert rows(database, "SELECT id FROM workers ORDER BY id") == [("a",), ("c",), ("e",)]


def test_where_the_disk_is_full_all_that_wait_are_told_and_nothing_is_there(database) -> None:
    database.write(noted("before"))
    with full_disk(database.file):
        raised = wait_together(database, *(noted(f"{number}" + "x" * 1000) for number in range(30)))
    assert [error.problem for error in raised] == [Problem.STORE_UNAVAILABLE] * 30
    assert rows(database, "SELECT id FROM workers") == [("before",)]
    database.write(noted("after"))
    assert rows(database, "SELECT count(*) FROM workers") == [(2,)]


@pytest.mark.parametrize("name", ["a b", "100%", "q?x#y", "ü&=", "%41"])
def test_a_files_name_is_no_part_of_an_address(tmp_path, name) -> None:
    folder = tmp_path / name
    folder.mkdir()
    new_database(folder)
    database = Database(URL.create("sqlite", database=str(folder / "parlance.db")).render_as_string())
    assert rows(database, "SELECT count(*) FROM messages") == [(0,)]
    assert {file.name for file in folder.iterdir()} == {"parlance.db", "parlance.db-wal", "parlance.db-shm"}


def test_nothing_of_a_database_stays_open_that_nobody_has_any_more(tmp_path) -> None:
    opened = new_database(tmp_path)
    opened.read(lambda c: c.exec_driver_sql("SELECT 1"))
    opened.write(lambda c: c.exec_driver_sql("DELETE FROM keys"))

    def held() -> list[str]:
        return [file for file in open_files(os.getpid()) if file.startswith(str(tmp_path))]

    assert held()
    del opened
    eventually(lambda: not held())


def test_what_is_not_the_databases_fault_is_raised_as_it_is(database) -> None:
    with pytest.raises(IntegrityError):
        database.write(lambda c: c.exec_driver_sql("INSERT INTO keys (id) VALUES ('k')"))
    with pytest.raises(OperationalError, match="syntax error"):
        database.read(lambda c: c.exec_driver_sql("SELEKT 1"))
    assert (database.reading.reason, database.writing.reason) == (None, None)


def test_writers_of_two_processes_wait_for_each_other(conversations, database) -> None:
    other, nameless = new_store(Database(database.url)), ConversationRef("demo", "workers", "anonymous")
    writers = [
        gevent.spawn(ask, writer, nameless, **{f"{name}{number}": "x"})
        for number in range(25)
        for name, writer in (("a", conversations), ("b", other))
    ]
    gevent.joinall(writers, timeout=20, raise_error=True)
    assert rows(database, "SELECT count(*) FROM messages") == [(50,)]


def test_servers_of_one_database_find_each_other_whatever_they_call_it(tmp_path, monkeypatch) -> None:
    file = tmp_path.resolve() / "data" / "p.db"
    file.parent.mkdir()
    (tmp_path / "link.db").symlink_to(file)
    (tmp_path / "folder").symlink_to(file.parent)
    monkeypatch.chdir(tmp_path)
    for name in (file, tmp_path / "link.db", tmp_path / "folder" / "p.db", Path("data/p.db")):
        for home in ("a", "b"):
            assert beside_database(f"sqlite:///{name}", tmp_path / home, "lock") == Path(f"{file}.lock")
    assert beside_database("postgresql://host/db", tmp_path, "lock") == tmp_path / "lock"


def test_a_server_on_sqlite_does_not_load_postgresqls_driver() -> None:
    loads = "import app.main, app.cli, app.store.database as d; d.make_engine('sqlite:////tmp/x'); import sys"
    program = f"{loads}; sys.exit('psycopg' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


AT_ONCE = """
from gevent import monkey; monkey.patch_all()
import sys, gevent
from app.store.database import Database
for _ in range(20):
    database = Database(sys.argv[1])
    reading = [gevent.spawn(database.read, lambda c: c.exec_driver_sql("SELECT 1").scalar(), 2) for _ in range(20)]
    writing = [gevent.spawn(database.write, lambda c: c.exec_driver_sql("SELECT 1").scalar(), 2) for _ in range(20)]
    assert [each.get() for each in gevent.joinall(reading + writing)] == [1] * 40
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_first_callers_of_a_worker_may_come_all_at_once(kind, database, request) -> None:
    url = request.getfixturevalue("postgres_database").url if kind == "postgresql" else database.url
    subprocess.run([sys.executable, "-c", AT_ONCE, url], cwd=ROOT, check=True, timeout=60)


@pytest.fixture
def postgres_database() -> Iterator[Database]:
    with new_postgres_database() as made:
        yield made
