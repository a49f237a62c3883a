"""Runs and their steps, as the database keeps them; tests/unit/workflows/test_record.py plays whole runs."""

import pytest
from sqlalchemy import text
from support.database import ask

from app.store.runs import RunStore, StepRecord, end_abandoned


def test_runs_whose_answers_do_not_run_any_more_are_ended(conversations, database) -> None:
    store, conversation_id = RunStore(database), ask(conversations, q="x", answer="3")[0]
    for run_id in ("1", "2", "3"):
        store.begin(run_id, conversation_id, "w", 1)
    store.end("1", "complete", None, [])
    database.write(end_abandoned)
    assert [(store.find(each, "key:1").status, store.find(each, "key:1").ended_at is None) for each in "123"] == [
        ("complete", False), ("interrupted", False), ("running", True),
    ]  # fmt: skip


def test_the_end_of_a_run_whose_conversation_is_no_more_is_no_failure(conversations, database) -> None:
    store, conversation_id = RunStore(database), ask(conversations, q="x")[0]
    store.begin("1", conversation_id, "w", 1)
    for table in ("messages", "conversations"):
        database.write(lambda connection, table=table: connection.execute(text(f"DELETE FROM {table}")))
    store.end("1", "complete", None, [StepRecord("a", "complete", 1, 2, "x")])
    assert store.find("1", "key:1") is None


LONG = "\u00e9" * 16_001


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (LONG[1:], LONG[1:]),
        (LONG, {"truncated": True, "beginning": LONG[1:]}),
        ({"a": LONG}, {"truncated": True, "beginning": '{"a": "' + LONG[8:]}),
        ("x" * 15_999 + "\ud800", "x" * 15_999 + "\ud800"),
    ],
    ids=["just right", "a long text", "long JSON", "half a character"],
)
def test_of_a_large_result_its_beginning_is_kept_and_marked(conversations, database, result, kept) -> None:
    store = RunStore(database)
    store.begin("1", ask(conversations, q="x")[0], "w", 1)
    store.add_steps("1", [StepRecord("a", "complete", 1, 2, result)])
    store.end("1", "failed", "y" * 5000, [StepRecord("b", "failed", 1, 2, None, "x" * 5000)])
    run = store.find("1", "key:1")
    a, b = run.steps
    assert a.result == kept
    assert [b.error, run.error] == [each * 4000 + "\u2026" for each in "xy"]


def test_steps_come_page_by_page(conversations, database) -> None:
    store = RunStore(database)
    store.begin("1", ask(conversations, q="x")[0], "w", 1)
    store.end("1", "complete", None, [StepRecord(name, "complete", 1, 2, "x") for name in "abc"])
    pages = [store.find("1", "key:1", 2, offset) for offset in (0, 2)]
    assert [([step.step_id for step in page.steps], page.more_steps) for page in pages] == [
        (["a", "b"], True), (["c"], False),
    ]  # fmt: skip
