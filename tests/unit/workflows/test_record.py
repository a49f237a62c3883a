"""What a real store keeps of runs, while they go on and when they are over."""

import sqlite3
import time
from typing import Any

import gevent
import pytest
from sqlalchemy import text
from support.database import ask, new_database, new_store
from support.runs import HANGS, LEFT, OUT, Run, say, work

from app.engine.errors import ChatError, Problem
from app.engine.events import TurnFinished
from app.store.database import Database
from app.store.runs import RunStore


@pytest.fixture
def database(tmp_path) -> Database:
    return new_database(tmp_path)


def stored_run(database: Database, *steps: Any, **limits: Any) -> tuple[Run, RunStore]:
    """A run that a real store keeps."""
    store = RunStore(database)
    run = Run(*steps, runs=store, **limits)
    run.store.conversation_ids["s"] = ask(new_store(database), q="Hi")[0]
    return run, store


def test_the_store_keeps_the_run_and_its_steps(database) -> None:
    steps = [work("a", fails=9, onError="continue"), work("b", "a"), work("c", "b", when="{{ 0 }}"), say("d", "x", "c")]
    run, store = stored_run(database, *steps)
    run.play()
    kept = store.find(run.events[0].answer_id, "key:1")
    assert (kept.status, kept.error, kept.workflow_id, kept.version) == ("complete", None, "w" * 32, 3)
    assert {each.step_id: (each.status, each.result, each.error) for each in kept.steps} == {
        "a": ("failed", None, OUT),
        "b": ("complete", {"done": "b"}, None),
        "c": ("skipped", None, None),
        "d": ("skipped", None, None),
    }
    assert kept.created_at <= kept.steps[0].started_at <= kept.steps[0].ended_at <= kept.ended_at
    assert store.find(kept.id, "key:2") is None
    assert [each.id for each in store.of_conversation(kept.conversation_id, 5)] == [kept.id]


def test_steps_are_kept_in_the_order_in_which_they_ended_however_quickly(database) -> None:
    run, store = stored_run(database, say("z", "1"), say("y", "2", "z"), say("x", "3", "y"), work("a", "x"))
    run.play()
    kept = store.find(run.events[0].answer_id, "key:1")
    assert [each.step_id for each in kept.steps] == [*"zyxa"]


def test_the_steps_that_were_over_are_kept_of_a_run_that_failed(database) -> None:
    run, store = stored_run(database, work("a"), work("b", "a", fails=9), work("c", "b"), work("slow", seconds=HANGS))
    run.play()
    kept = store.find(run.events[0].answer_id, "key:1")
    assert (kept.status, kept.error) == ("failed", "The step 'b' failed: b is out of order")
    assert [(each.step_id, each.status) for each in kept.steps] == [("a", "complete"), ("b", "failed")]


def test_steps_that_are_over_are_in_the_store_while_others_still_work(database) -> None:
    run, store = stored_run(database, work("a"), work("b", "a", seconds=HANGS))
    found: list[Any] = []

    def look() -> None:
        while not found:
            gevent.sleep(0.01)
            kept = store.find(run.events[0].answer_id, "key:1") if run.events else None
            found.extend([kept] if kept and kept.steps else [])
        run.turn.cancel(LEFT)

    gevent.spawn(look)
    run.play()
    assert [(each.status, [step.step_id for step in each.steps]) for each in found] == [("running", ["a"])]


def test_a_conversation_that_is_deleted_before_its_run_begins_is_not_found(database) -> None:
    run, _ = stored_run(database, say("a", "x"))
    erase = text("DELETE FROM messages"), text("DELETE FROM conversations")
    database.write(lambda connection: [connection.execute(each) for each in erase])
    with pytest.raises(ChatError) as refused:
        run.play()
    assert refused.value.problem is Problem.NOT_FOUND
    assert len(run.running_turns) == 0


def test_records_of_steps_that_are_over_survive_a_failure_beside_them(database) -> None:
    steps = [work("a", seconds=0.1), work("b", seconds=0.2, fails=9), work("z", seconds=HANGS)]
    run = Run(*steps, runs=RunStore(database))
    run.store.conversation_ids["s"] = ask(new_store(database), q="Hi")[0]
    for delay in (0.05, 0.06):
        gevent.spawn_later(delay, database.write, lambda _: time.sleep(0.25))  # the store is busy for a while
    run.play()
    kept = RunStore(database).find(run.events[0].answer_id, "key:1")
    assert {each.step_id: each.status for each in kept.steps} == {"a": "complete", "b": "failed"}


def test_a_step_that_cannot_be_stored_neither_fails_its_run_nor_is_lost(database, caplog) -> None:
    """The database is locked by another process while the first step ends."""
    database.write(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout = 50"))
    run, store = stored_run(database, work("a"), work("b", "a", seconds=0.5), say("c", "said", "b"))
    lock = sqlite3.connect(database.file, isolation_level=None)
    gevent.spawn_later(0.2, lock.close)
    run.turn.begin()
    lock.execute("BEGIN IMMEDIATE")
    for batch in run.turn.run():
        run.events += batch
    assert isinstance(run.events[-1], TurnFinished)
    kept = store.find(run.events[0].answer_id, "key:1")
    assert (kept.status, [each.step_id for each in kept.steps]) == ("complete", ["a", "b", "c"])
    assert "steps of a run not stored yet" in caplog.text


def test_a_run_whose_conversation_is_erased_meanwhile_comes_to_its_end(database) -> None:
    run = Run(work("a"), work("b", "a", seconds=0.3), say("c", "said", "b"), runs=RunStore(database))
    run.store.conversation_ids["s"] = ask(new_store(database), q="Hi")[0]

    def erase() -> None:
        for table in ("messages", "conversations"):
            database.write(lambda connection, table=table: connection.execute(text(f"DELETE FROM {table}")))

    gevent.spawn_later(0.1, erase)
    run.play()
    assert isinstance(run.events[-1], TurnFinished)
    assert run.text == "said"
