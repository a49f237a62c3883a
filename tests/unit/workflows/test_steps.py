"""What a step passes on to its tool or model, and how often it may."""

from typing import Any

import pytest
from support.runs import CALL, SAYS_X, Run, ask, work

from app.engine.errors import Problem
from app.engine.events import ToolCalled
from app.engine.messages import text_message
from app.workflows.checks import Rules, check


def test_arguments_are_filled_in_wherever_they_stand_and_others_stay() -> None:
    run = Run(work("a", args={"id": "{{ input | lower }}!", "seconds": 0.001}), text="ONE").play()
    assert run.of(ToolCalled)[0].args == {"id": "one!", "seconds": 0.001}


def test_a_model_step_sees_the_conversation_and_its_prompt_in_place_of_the_question() -> None:
    run = Run(ask("a", [{"text": "{{ input }}"}]), text="now")
    run.store.history = [text_message("user", "before"), text_message("assistant", "yes")]
    run.play()
    assert [each.text for each in run.model.prompts[0].messages] == ["before", "yes", '[{"text":"now"}]']
    assert run.text == run.turn.question_text == "now"


@pytest.mark.parametrize(
    ("steps", "most"),
    [
        ([ask("a", SAYS_X), ask("b", SAYS_X, "a")], 1),
        ([ask("a", SAYS_X)], 0),
        ([ask("a", [CALL, {"text": "x"}], tools=["work"])], 1),
        ([ask("a", [{"refuse": "upstream_failed"}], retries=2)], 1),
        ([ask("a", SAYS_X), ask("b", SAYS_X), ask("c", SAYS_X)], 2),
    ],
)
def test_models_are_asked_so_often_and_no_more(steps, most) -> None:
    run = Run(*steps, modelCalls=most).play()
    run.check()
    assert len(run.model.prompts) <= most
    assert run.failed.error.problem is Problem.WORKFLOW_LIMIT


def test_as_many_calls_as_the_limits_admit_are_made() -> None:
    run = Run(work("b"), ask("a", [CALL, {"text": "x"}], tools=["work"]), modelCalls=2, toolCalls=2).play()
    run.check()
    assert (run.text, len(run.model.prompts)) == ("x", 2)


def rounds(number: int) -> list[dict[str, Any]]:
    """A script with a call in each of so many rounds, and then a word."""
    calls = [[CALL | {"args": {"id": f"{n}"}}, {"text": "."}] for n in range(number)]
    return [step for call in calls for step in call]


def test_a_model_that_calls_tools_though_its_step_has_none_is_asked_as_often_as_its_worst_case_says() -> None:
    run = Run(ask("a", rounds(3))).play()
    run.check()
    worst = check(run.workflow, Rules({}))
    assert (worst.model_calls, len(run.model.prompts), run.work.begun.total()) == (1, 1, 0)
    assert run.failed.error.problem is Problem.UPSTREAM_FAILED


def test_a_round_that_is_not_held_any_more_is_not_counted() -> None:
    endless = ask("a", rounds(9), tools=["work"], onError="continue")
    run = Run(endless, ask("b", SAYS_X, "a"), modelCalls=7).play()
    run.check()
    assert (run.text, len(run.model.prompts)) == ("x", 7)
    assert run.records.statuses() == {"a": "failed", "b": "complete"}


def test_a_call_that_is_one_too_many_is_not_told_and_gets_no_result() -> None:
    run = Run(ask("a", [CALL, CALL | {"args": {"id": "y"}}], tools=["work"]), toolCalls=1).play()
    run.check()
    assert run.failed.error.problem is Problem.WORKFLOW_LIMIT
