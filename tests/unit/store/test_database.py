"""The database itself: what a commit means, and who waits while somebody else holds the lock."""

import sqlite3
import subprocess
import sys
import time
from itertools import pairwise

import gevent
import pytest
from support.database import ask, new_store, rows
from support.fakes import problem_of

from app.engine.conversation import ConversationRef
from app.engine.errors import Problem
from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.database import Database

pytestmark = pytest.mark.timed

ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m")


def test_a_commit_is_on_the_disk_and_references_are_checked(database) -> None:
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    for use in (database.read, database.write):
        found = use(lambda c: [c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas])
        assert found == ["wal", 2, 1, 5000]


def test_readers_go_on_while_somebody_writes(conversations, database) -> None:
    ask(conversations, q1="x")
    outside = sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    outside.execute("DELETE FROM messages")
    assert rows(database, "SELECT count(*) FROM messages") == [(1,)]
    outside.execute("ROLLBACK")
    outside.close()


HOLDER = """
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


def test_a_database_that_stays_locked_is_an_overload(conversations, database) -> None:
    database.write(lambda c: c.exec_driver_sql("PRAGMA busy_timeout = 100"))  # of the one connection for writing
    outside = sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    assert problem_of(lambda: ask(conversations, q1="x")) is Problem.OVERLOADED
    outside.execute("ROLLBACK")
    outside.close()
    ask(conversations, q1="x")


def test_writers_of_two_processes_wait_for_each_other(conversations, database) -> None:
    other, nameless = new_store(Database(database.url)), ConversationRef("demo", "workers", "anonymous")
    writers = [
        gevent.spawn(ask, writer, nameless, **{f"{name}{number}": "x"})
        for number in range(25)
        for name, writer in (("a", conversations), ("b", other))
    ]
    gevent.joinall(writers, timeout=20, raise_error=True)
    assert rows(database, "SELECT count(*) FROM messages") == [(50,)]
