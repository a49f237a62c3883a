"""Runs that do not go well: failures, limits, loops, callers who leave."""

import time
from typing import Any

import gevent
import pytest
from support.runs import CALL, HANGS, LEFT, OUT, SAYS_X, Records, Run, ask, greenlets, say, work

from app.engine.errors import Problem
from app.engine.events import TextDelta, TextEnded, TextStarted, ToolReturned, TurnFailed, TurnFinished

SPEAKS = [{"text": "so far"}, {"pause": HANGS}]

FAILURES = {
    "a tool": ([work("a", fails=9)], Problem.WORKFLOW_FAILED, f"The step 'a' failed: {OUT}"),
    "a tool again and again": ([work("a", fails=9, retries=1)], Problem.WORKFLOW_FAILED, f"The step 'a' failed: {OUT}"),
    "a tool's arguments": (
        [work("a", seconds="soon")], Problem.WORKFLOW_FAILED,
        "The step 'a' failed: The arguments are wrong: {'seconds': ['Not a valid number.']}"),
    "a template": (
        [say("a", "{{ 1 / 0 }}")], Problem.WORKFLOW_FAILED,
        "The step 'a' failed: A template cannot be filled in: division by zero"),
    "a condition": (
        [say("a", "x", when="{{ 1 / 0 }}", onError="continue")], Problem.WORKFLOW_FAILED,
        "A condition is wrong: A template cannot be filled in: division by zero"),
    "a model": ([ask("a", [{"fail": "upstream_timeout"}])], Problem.UPSTREAM_TIMEOUT, "The model took too long"),
    "a model that does not answer": (
        [ask("a", [{"fail": "overloaded"}]), say("b", "x", "a")], Problem.OVERLOADED, "The server is at capacity"),
    "a model that refuses": (
        [ask("a", [{"refuse": "upstream_failed"}], retries=1)], Problem.UPSTREAM_FAILED, "The model failed to answer"),
    "a model's script": ([ask("a", [{}])], Problem.INVALID, "The script cannot be played: "),
    "a bug": ([ask("a", [{"fail": "crash"}])], Problem.INTERNAL, "Internal server error"),
    "a bug in a step that does not answer": (
        [ask("a", [{"fail": "crash"}], onError="continue"), say("b", "x", "a")], Problem.INTERNAL, "Internal server"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_told_in_words_and_ends_the_run(name, caplog) -> None:
    steps, problem, words = FAILURES[name]
    run = Run(*steps, work("behind", steps[0]["id"])).play()
    run.check()
    assert run.failed.error.problem is problem
    assert run.failed.error.message.startswith(words)
    assert (run.records.status, run.records.error) == ("failed", run.failed.error.message)
    assert run.work.begun["behind"] == 0
    (answer,) = run.store.answers.values()
    assert (answer.status, answer.finish_reason) == ("failed", "error")
    assert ("asked for a crash" in caplog.text) == ("bug" in name)


def test_a_step_that_may_fail_leaves_its_error_to_those_behind_it() -> None:
    run = Run(work("a", fails=9, onError="continue"), say("b", "Alas: {{ steps.a.error }}", "a")).play()
    run.check()
    assert run.text == f"Alas: {OUT}"
    first = run.records.steps[0]
    assert (first.step_id, first.status, first.result, first.error) == ("a", "failed", None, OUT)


def test_a_retry_is_a_call_of_its_own_and_what_it_brings_counts() -> None:
    run = Run(work("a", fails=2, retries=3), say("b", "{{ steps.a.result.done }}", "a")).play()
    run.check()
    assert (run.text, run.work.begun["a"]) == ("a", 3)
    assert [each.is_error for each in run.of(ToolReturned)] == [True, True, False]
    assert run.records.statuses() == {"a": "complete", "b": "complete"}


def test_what_was_said_is_not_said_again() -> None:
    run = Run(ask("a", [{"text": "so far"}, {"fail": "upstream_failed"}], retries=3, onError="continue")).play()
    run.check()
    assert len(run.model.prompts) == 1
    assert [type(each) for each in run.events[2:]] == [TextStarted, TextDelta, TextEnded, TurnFailed]
    assert run.stored.text == "so far"


def test_a_failure_stops_what_runs_beside_it_and_each_open_call_gets_a_result() -> None:
    steps = [
        *(work("bad", seconds=0.05, fails=9), work("slow", seconds=HANGS)),
        *(ask("thinks", [{"text": "x"}, CALL | {"args": {"id": "y", "seconds": HANGS}}], tools=["work"]),),
        ask("speaks", SPEAKS),
    ]
    before = greenlets()
    run = Run(*steps, seconds=50).play()
    run.check()
    assert run.failed.error.message == "The step 'bad' failed: bad is out of order"
    assert sorted(each.result for each in run.of(ToolReturned)) == [
        "It was stopped.",
        "It was stopped.",
        "bad is out of order",
    ]
    kinds = [type(each) for each in run.events]
    assert kinds.count(TextEnded) == 1
    assert kinds.index(TextEnded) < len(kinds) - 1 - kinds[::-1].index(ToolReturned), "results stand behind the text"
    assert run.stored.text == "so far"
    assert run.records.statuses() == {"bad": "failed"}
    assert greenlets() <= before


def test_the_third_call_of_the_same_ends_the_run_and_nothing_helps() -> None:
    same = {"args": {"id": "same"}, "retries": 3, "onError": "continue"}
    run = Run(work("a", **same), work("b", "a", **same), work("c", "b", **same), say("d", "x", "c")).play()
    run.check()
    assert run.failed.error.problem is Problem.TOOL_LOOP
    assert run.work.begun["same"] == 2
    assert (run.records.status, run.records.statuses()) == ("failed", {"a": "complete", "b": "complete"})


def test_what_a_model_calls_again_in_a_retry_is_no_loop() -> None:
    run = Run(ask("a", [CALL, {"fail": "upstream_failed"}], tools=["work"], retries=3)).play()
    run.check()
    assert run.failed.error.problem is Problem.UPSTREAM_FAILED
    assert run.work.begun["x"] == 4


def test_the_same_call_of_a_tool_and_of_models_counts_as_the_same() -> None:
    models = [ask(name, [CALL, {"text": "x"}], tools=["work"], onError="continue") for name in "ab"]
    run = Run(work("x"), *models, say("c", "x", "x", "a", "b")).play()
    run.check()
    assert run.failed.error.problem is Problem.TOOL_LOOP
    assert run.work.begun["x"] <= 2


LIMITED: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str]] = {
    "tool calls": ([work(each) for each in "abc"], {"toolCalls": 2}, "The workflow called tools too often"),
    "tool calls, retries among them": (
        [work("a", fails=9, retries=3)], {"toolCalls": 1}, "The workflow called tools too often"),
    "tool calls of a model": (
        [ask("a", [CALL, CALL | {"args": {"id": "y"}}], tools=["work"])], {"toolCalls": 0},
        "The workflow called tools too often"),
    "no tool calls": ([work("a", onError="continue")], {"toolCalls": 0}, "The workflow called tools too often"),
    "model calls": (
        [ask("a", SAYS_X), ask("b", SAYS_X, "a")], {"modelCalls": 1}, "The workflow asked models too often"),
    "model calls beside tools": (
        [ask("a", [CALL, {"text": "x"}], tools=["work"])], {"modelCalls": 1}, "The workflow asked models too often"),
    "seconds, in a tool": ([work("a", seconds=HANGS)], {"seconds": 0.2}, "The workflow took too long"),
    "seconds, in the answer": ([ask("a", SPEAKS)], {"seconds": 0.2}, "The workflow took too long"),
    "seconds, in a model that does not answer": (
        [ask("a", SPEAKS, onError="continue"), say("b", "x", "a")], {"seconds": 0.2}, "The workflow took too long"),
    "seconds, with retries": ([work("a", fails=9, retries=3)], {"seconds": 0.3}, "The workflow took too long"),
}  # fmt: skip


@pytest.mark.timed
@pytest.mark.parametrize("name", LIMITED)
def test_a_limit_ends_the_run(name) -> None:
    steps, limits, words = LIMITED[name]
    started = time.monotonic()
    run = Run(*steps, **limits).play()
    run.check()
    assert (run.failed.error.problem, run.failed.error.message) == (Problem.WORKFLOW_LIMIT, words)
    assert sum(run.work.begun.values()) <= limits.get("toolCalls", 20)
    assert time.monotonic() - started < 3
    assert run.records.status == "failed"


MOMENTS = {
    "a tool works": [work("a", seconds=HANGS)],
    "the answer is spoken": [ask("a", SPEAKS)],
    "a model thinks that does not answer": [ask("a", SPEAKS), say("b", "x", "a")],
    "all of them at once": [work("a", seconds=HANGS), ask("b", SPEAKS), say("c", "x", "b"), ask("d", SPEAKS)],
}  # fmt: skip


@pytest.mark.timed
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_is_cancelled_ends_at_once_as_interrupted_and_leaves_nothing_behind(moment) -> None:
    before = greenlets()
    run = Run(*MOMENTS[moment])
    gevent.spawn_later(0.1, run.turn.cancel, LEFT)
    started = time.monotonic()
    run.play()
    run.check()
    assert time.monotonic() - started < 1
    assert run.failed.error is LEFT
    (answer,) = run.store.answers.values()
    assert (run.records.status, answer.status) == ("interrupted", "interrupted")
    assert answer.message.text == ("so far" if run.of(TextDelta) else "")
    assert greenlets() <= before


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_whose_reader_goes_away_is_interrupted_and_leaves_nothing_behind(moment) -> None:
    before = greenlets()
    run = Run(*MOMENTS[moment], heartbeat=0.05)
    run.turn.begin()
    batches = run.turn.run()
    for batch in batches:
        if not batch:
            break
    batches.close()
    gevent.sleep(0.01)
    assert [each for each in run.model.streams if each.is_open] == []
    assert not +run.work.busy
    (answer,) = run.store.answers.values()
    assert (run.records.status, run.records.error, answer.status) == ("interrupted", None, "interrupted")
    assert (len(run.running_turns), greenlets() - before) == (0, set())


def test_a_run_that_never_ran_is_interrupted_once() -> None:
    run = Run(work("a"))
    run.turn.begin()
    run.turn.close()
    run.turn.close()
    assert (run.records.status, run.work.begun.total()) == ("interrupted", 0)


def test_a_run_that_is_cancelled_before_it_runs_begins_no_step() -> None:
    run = Run(work("a"), ask("b", SPEAKS))
    run.turn.begin()
    run.turn.cancel(LEFT)
    assert [*run.turn.run()][-1][-1] == TurnFailed(LEFT)
    gevent.sleep(0.01)
    assert (run.records.status, run.work.begun.total(), run.model.prompts) == ("interrupted", 0, [])


def test_a_store_that_cannot_keep_the_run_goes_to_the_log_and_its_answer_to_the_caller(caplog) -> None:
    class Broken(Records):
        def end(self, *_: Any) -> None:
            raise OSError("the disk is full: /secret")

    run = Run(say("a", "x"), runs=Broken())
    run.turn.begin()
    last = [*run.turn.run()][-1][-1]
    assert isinstance(last, TurnFinished)
    assert (run.stored.text, len(run.running_turns)) == ("x", 0)
    assert "the disk is full" in caplog.text
