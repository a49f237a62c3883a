"""Answers that cannot be stored when they end: a database that another process has locked, and answers that it takes
never."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import gevent
import pytest
from support.database import REF, ask, new_store, rows
from support.fakes import problem_of

from app.engine.conversation import Charge, QuestionEntry, Rewind
from app.engine.errors import Problem
from app.engine.messages import AnswerRecord, Message, TextPart, ToolCallPart, Usage
from app.store import unstored
from app.store.database import Database
from app.store.histories import HistoryStore
from app.store.keys import KeyStore
from app.store.runs import RunStore
from app.store.unstored import RetryingStore
from app.testing.server import eventually

ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m", credits=2)
STATES = "SELECT status, held FROM messages WHERE role = 'assistant' ORDER BY sequence"


@pytest.fixture
def store(database) -> RetryingStore:
    database.write(lambda c: c.exec_driver_sql("PRAGMA busy_timeout = 50"))  # of the one connection for writing
    return RetryingStore(new_store(database), database)


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """By somebody else."""
    outside = sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    yield
    outside.execute("ROLLBACK")
    outside.close()


def begun(store: RetryingStore, database: Database) -> tuple[str, Charge]:
    """A conversation whose answer `a1` runs, and holds three of a key's credits."""
    KeyStore(database).create("secret", "demo", budget=9)
    conversation, _ = ask(store, q1="x", answer="a1")
    database.write(
        lambda c: c.exec_driver_sql("UPDATE messages SET held = 3, payer = (SELECT id FROM keys) WHERE id = 'a1'")
    )
    return conversation, Charge(rows(database, "SELECT id FROM keys")[0][0], 3)


def test_an_answer_is_stored_by_itself_as_soon_as_it_can_be_and_its_run_ends(store, database) -> None:
    conversation, charge = begun(store, database)
    runs = RunStore(database)
    runs.begin("a1", conversation, "w", 1)
    with locked(database):
        assert problem_of(lambda: store.add_answer(conversation, "a1", ANSWER, charge)) is Problem.STORE_UNAVAILABLE
        gevent.sleep(unstored.RETRY_SECONDS + 0.5)
        assert (len(store), rows(database, STATES)) == (1, [("running", 3)])
    assert problem_of(lambda: ask(store, q2="y")) is Problem.BUSY
    eventually(lambda: len(store) == 0 or gevent.sleep(0.01), 2 * unstored.RETRY_SECONDS)
    assert rows(database, STATES) == [("complete", 0)]
    assert rows(database, "SELECT spent FROM keys") == [(2,)]
    assert runs.find("a1", "key:1").status == "complete"
    assert ask(store, q2="y")[1] == ["x", "yes"]


def test_the_last_chance_stores_what_waits(store, database) -> None:
    conversation, charge = begun(store, database)
    with locked(database):
        problem_of(lambda: store.add_answer(conversation, "a1", replace(ANSWER, status="interrupted"), charge))
        store.store_waiting()
        assert len(store) == 1
    store.store_waiting()
    assert (len(store), rows(database, STATES)) == (0, [("interrupted", 0)])


def test_an_answer_that_was_erased_while_it_waited_is_forgotten(store, database, caplog) -> None:
    conversation, charge = begun(store, database)
    with locked(database):
        problem_of(lambda: store.add_answer(conversation, "a1", ANSWER, charge))
    database.write(lambda c: c.exec_driver_sql("UPDATE conversations SET end_user = 'ada'"))
    HistoryStore(database).erase("ada")
    store.store_waiting()
    assert (len(store), rows(database, STATES), rows(database, "SELECT spent FROM keys")) == (0, [], [(0,)])
    assert "answer lost" in caplog.text


def test_what_no_database_takes_is_given_up_and_its_conversation_is_free(store, database, caplog) -> None:
    conversation, charge = begun(store, database)
    no_json = Message("assistant", (ToolCallPart("1", "t", {"value": object()}),))
    with pytest.raises(Exception, match="not JSON serializable"):
        store.add_answer(conversation, "a1", replace(ANSWER, message=no_json), charge)
    store.store_waiting()
    assert (len(store), rows(database, STATES)) == (0, [("interrupted", 0)])
    assert rows(database, "SELECT spent FROM keys") == [(0,)], "what was said is gone"
    assert "answer given up" in caplog.text
    ask(store, q2="y")


def test_what_waits_is_bounded_in_bytes(store, database, caplog) -> None:
    conversation, charge = begun(store, database)
    large = Message("assistant", (TextPart("x" * (unstored.MOST_BYTES + 1)),))
    with locked(database):
        problem_of(lambda: store.add_answer(conversation, "a1", replace(ANSWER, message=large), charge))
    assert "answer given up" in caplog.text
    store.store_waiting()
    assert rows(database, STATES) == [("interrupted", 0)]


def test_a_greenlet_that_ends_while_it_waits_for_the_store_leaves_its_answer(store, database) -> None:
    conversation, charge = begun(store, database)
    with locked(database):
        writing = gevent.spawn(store.add_answer, conversation, "a1", ANSWER, charge)
        gevent.sleep(0.01)
        writing.kill()
        assert len(store) == 1
    store.store_waiting()
    assert (len(store), rows(database, STATES), rows(database, "SELECT spent FROM keys")) == (
        *(0, [("complete", 0)]),
        [(2,)],
    )


def test_an_answer_whose_question_nobody_heard_of_is_ended(store, database) -> None:
    """Also one that goes on, which keeps what it has said."""
    begun(store, database)
    entry = QuestionEntry(REF, {}, 9, "a1")
    with locked(database):
        assert problem_of(lambda: store.abandon(entry)) is Problem.STORE_UNAVAILABLE
    store.store_waiting()
    assert (len(store), rows(database, STATES)) == (0, [("interrupted", 0)])
    database.write(lambda c: c.exec_driver_sql("UPDATE messages SET status = 'running', parts = '[1]' WHERE id = 'a1'"))
    store.abandon(replace(entry, answer_id="a2", rewind=Rewind("resume", ("msg_a1",))))
    assert rows(database, "SELECT status, parts FROM messages WHERE id = 'a1'") == [("interrupted", "[1]")]


def test_no_question_is_taken_while_too_many_answers_wait(store, database) -> None:
    with locked(database):
        ends = [
            gevent.spawn(problem_of, partial(store.add_answer, "c", f"a{number}", ANSWER))
            for number in range(unstored.MOST_ANSWERS)
        ]
        gevent.joinall(ends, timeout=30)
        assert len(store) == unstored.MOST_ANSWERS
        assert problem_of(lambda: ask(store, q1="x")) is Problem.OVERLOADED
    store.store_waiting()
    assert len(store) == 0
    ask(store, q1="x")
