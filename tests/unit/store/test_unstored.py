"""Answers that cannot be stored when they end: a database that another process has locked, and answers that it takes
never."""

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import gevent
import pytest
from support.database import REF, ask, new_store, rows, set_patience, write_locked
from support.fakes import problem_of
from support.proxy import Proxy, proxy

from app.engine.conversation import Charge, QuestionEntry, Rewind
from app.engine.errors import Problem
from app.engine.messages import AnswerRecord, Message, TextPart, ToolCallPart, Usage
from app.store import unstored
from app.store.database import Database
from app.store.erasing import Eraser, each_noted, of_end_user
from app.store.keys import KeyStore
from app.store.runs import RunStore
from app.store.unstored import RetryingStore
from app.store.urls import database_url
from app.testing.postgres import shared_postgres
from app.testing.server import eventually

ANSWER = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(3, 2), "m", credits=2)
PATIENCE = 3  # seconds
STATES = "SELECT status, held FROM messages WHERE role = 'assistant' ORDER BY sequence"


@pytest.fixture
def store(database) -> RetryingStore:
    set_patience(database, 50)
    return RetryingStore(new_store(database), database)


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
    with write_locked(database):
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
    with write_locked(database):
        problem_of(lambda: store.add_answer(conversation, "a1", replace(ANSWER, status="interrupted"), charge))
        store.store_waiting()
        assert len(store) == 1
    store.store_waiting()
    assert (len(store), rows(database, STATES)) == (0, [("interrupted", 0)])


def test_an_answer_that_was_erased_while_it_waited_is_forgotten(store, database, caplog) -> None:
    conversation, charge = begun(store, database)
    with write_locked(database):
        problem_of(lambda: store.add_answer(conversation, "a1", ANSWER, charge))
    database.write(lambda c: c.exec_driver_sql("UPDATE conversations SET end_user = 'ada'"))
    Eraser(database).erase(of_end_user("ada"), each_noted("test"))
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
    with write_locked(database):
        problem_of(lambda: store.add_answer(conversation, "a1", replace(ANSWER, message=large), charge))
    assert "answer given up" in caplog.text
    store.store_waiting()
    assert rows(database, STATES) == [("interrupted", 0)]


def test_a_greenlet_that_ends_while_it_waits_for_the_store_leaves_its_answer(store, database) -> None:
    conversation, charge = begun(store, database)
    with write_locked(database):
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
    with write_locked(database):
        assert problem_of(lambda: store.abandon(entry)) is Problem.STORE_UNAVAILABLE
    store.store_waiting()
    assert (len(store), rows(database, STATES)) == (0, [("interrupted", 0)])
    database.write(lambda c: c.exec_driver_sql("UPDATE messages SET status = 'running', parts = '[1]' WHERE id = 'a1'"))
    store.abandon(replace(entry, answer_id="a2", rewind=Rewind("resume", ("msg_a1",))))
    ended = "SELECT status, CAST(parts AS text) FROM messages WHERE id = 'a1'"
    assert rows(database, ended) == [("interrupted", "[1]")]


def test_no_question_is_taken_while_too_many_answers_wait(store, database) -> None:
    with write_locked(database):
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


@pytest.fixture
def cut_off() -> Iterator[tuple[RetryingStore, Proxy, Database]]:
    """A store, the way to its PostgreSQL, and the same database by another way."""
    server = shared_postgres()
    with server.database() as name, proxy(server.port) as way:
        url = database_url(server.url(name))
        hurt = Database(url.replace(f":{server.port}/", f":{way.port}/"))
        yield RetryingStore(new_store(hurt), hurt, PATIENCE), way, Database(url)


def test_a_whole_answer_waits_for_a_postgres_that_is_away(cut_off) -> None:
    store, way, database = cut_off
    conversation, charge = begun(store, database)
    way.cut()
    ends = gevent.spawn(store.add_answer, conversation, "a1", ANSWER, charge)
    interrupted = gevent.spawn(problem_of, partial(store.add_answer, "c", "a2", replace(ANSWER, status="interrupted")))
    gevent.sleep(1.5)
    assert interrupted.value is Problem.STORE_UNAVAILABLE, "whose caller is not told that it is stored"
    assert not ends.ready()
    way.mend()
    ends.get(timeout=3)
    assert (rows(database, STATES), rows(database, "SELECT spent FROM keys")) == ([("complete", 0)], [(2,)])


def test_it_fails_when_it_was_lost_meanwhile_and_at_once_where_the_worker_ends(cut_off) -> None:
    store, way, database = cut_off
    conversation, charge = begun(store, database)
    way.cut()
    ends = gevent.spawn(problem_of, partial(store.add_answer, conversation, "a1", ANSWER, charge))
    gevent.sleep(0.5)
    database.write(lambda c: c.exec_driver_sql("UPDATE messages SET status = 'interrupted', worker = NULL"))
    way.mend()
    assert ends.get(timeout=3) is Problem.LOST
    way.cut()
    ends = gevent.spawn(problem_of, partial(store.add_answer, conversation, "a1", ANSWER, charge))
    gevent.sleep(0.5)
    store.hurry()
    assert ends.get(timeout=1) is Problem.STORE_UNAVAILABLE
    way.mend()
    store.store_waiting()
    assert len(store) == 0


def test_it_does_not_wait_for_ever(cut_off) -> None:
    store, way, database = cut_off
    conversation, charge = begun(store, database)
    way.cut()
    begins = time.monotonic()
    assert problem_of(lambda: store.add_answer(conversation, "a1", ANSWER, charge)) is Problem.STORE_UNAVAILABLE
    assert PATIENCE <= time.monotonic() - begins < PATIENCE + 1
    way.mend()
    store.store_waiting()
    assert rows(database, STATES) == [("complete", 0)]
