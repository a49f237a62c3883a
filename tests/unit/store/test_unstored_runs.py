"""Ends of runs that cannot be stored when they come: a database that another process has locked, and ends that it takes
never."""

from dataclasses import replace
from time import monotonic

import gevent
import pytest
from support.database import ask, new_store, rows, set_patience, write_locked
from support.fakes import problem_of

from app.engine.errors import Problem
from app.store import unstored
from app.store.runs import MOST_RESULT_CHARACTERS, StepRecord
from app.store.unstored_runs import RetryingRunStore
from app.testing.server import eventually

STEP = StepRecord("a", "complete", 1, 2, {"said": "yes"})
RUNS = "SELECT status, error FROM runs"
STEPS = "SELECT step_id FROM run_steps ORDER BY number"


@pytest.fixture
def store(database) -> RetryingRunStore:
    """Of a run `r`, whose step `before` is stored."""
    set_patience(database, 50)
    store = RetryingRunStore(database)
    store.begin("r", ask(new_store(database), q="x")[0], "w", 1)
    store.add_steps("r", [replace(STEP, step_id="before")])
    return store


def test_an_end_is_stored_by_itself_as_soon_as_it_can_be_with_its_steps(store, database) -> None:
    with write_locked(database, "runs"):
        store.end("r", "complete", None, [STEP])
        gevent.sleep(unstored.RETRY_SECONDS + 0.5)
        assert (len(store), rows(database, RUNS)) == (1, [("running", None)])
    eventually(lambda: len(store) == 0 or gevent.sleep(0.01), 2 * unstored.RETRY_SECONDS)
    assert rows(database, RUNS) == [("complete", None)]
    assert rows(database, STEPS) == [("before",), ("a",)]


def test_nothing_is_waited_for_while_the_database_fails(store, database) -> None:
    with write_locked(database, "runs"):
        assert problem_of(lambda: store.add_steps("r", [STEP])) is Problem.STORE_UNAVAILABLE
        began = monotonic()
        store.end("r", "failed", "why", [STEP])
        assert monotonic() - began < 0.04, "less than the lock is waited for"
    store.store_waiting()
    assert (len(store), rows(database, RUNS)) == (0, [("failed", "why")])


def test_an_end_whose_conversation_was_erased_while_it_waited_is_forgotten(store, database) -> None:
    with write_locked(database, "runs"):
        store.end("r", "complete", None, [STEP])
    for table in ("messages", "conversations"):
        database.write(lambda c, table=table: c.exec_driver_sql(f"DELETE FROM {table}"))
    store.store_waiting()
    assert (len(store), rows(database, RUNS), rows(database, STEPS)) == (0, [], [])


def test_steps_that_exceed_the_bound_are_given_up_and_the_end_is_stored(store, database, caplog) -> None:
    large = replace(STEP, result="x" * MOST_RESULT_CHARACTERS)
    with write_locked(database, "runs"):
        store.end("r", "complete", None, [large] * (unstored.MOST_BYTES // MOST_RESULT_CHARACTERS + 1))
    store.store_waiting()
    assert (len(store), rows(database, RUNS), rows(database, STEPS)) == (0, [("complete", None)], [("before",)])
    assert "steps of a run given up" in caplog.text


def test_steps_that_no_database_takes_are_given_up_and_the_end_is_stored(store, database, caplog) -> None:
    with pytest.raises(TypeError):
        store.end("r", "complete", None, [replace(STEP, result=object())])
    store.store_waiting()
    assert (len(store), rows(database, RUNS), rows(database, STEPS)) == (0, [("complete", None)], [("before",)])
    assert "steps of a run given up" in caplog.text


def test_a_greenlet_that_ends_while_it_waits_for_the_store_leaves_the_end(store, database) -> None:
    set_patience(database, 5000)
    with write_locked(database, "runs"):
        writing = gevent.spawn(store.end, "r", "interrupted", None, [STEP])
        gevent.sleep(0.01)
        writing.kill()
        assert len(store) == 1
    store.store_waiting()
    assert (len(store), rows(database, RUNS), rows(database, STEPS)) == (
        *(0, [("interrupted", None)]),
        [("before",), ("a",)],
    )
