"""Which steps run, and which of them makes the answer."""

import pytest
from support.runs import Run, ask, say, work

from app.engine.errors import Problem

SECRET = [{"text": "sec"}, {"text": "ret"}]

SPEAKERS = {
    "the last that speaks": ([say("a", "1"), say("b", "2"), work("c")], "2"),
    "in the order of the list": ([say("a", "1", "b"), say("b", "2")], "2"),
    "a skipped one does not": ([say("a", "1"), say("b", "2", when="{{ 0 }}")], "1"),
    "nor one that failed": ([say("a", "1"), say("b", "{{ 1/0 }}", onError="continue")], "1"),
    "nor a model that failed": ([say("a", "1", "b"), ask("b", [{"fail": "overloaded"}], onError="continue")], "1"),
    "nor one that is skipped late": (
        [ask("a", SECRET), work("w", seconds=0.05), say("b", "2", "w", when="{{ steps.w.error }}")], "secret"),
    "none, for it was skipped along": (
        [ask("a", SECRET, "b"), say("b", "2", when="{{ 0 }}"), work("c")],
        '{"done":"c"}'),
    "no speaker: the last result": ([work("a"), work("b")], '{"done":"b"}'),
    "nothing at all": ([work("a", when="{{ 0 }}")], ""),
}  # fmt: skip


@pytest.mark.parametrize("name", SPEAKERS)
def test_the_answer_is_what_the_last_speaker_said(name) -> None:
    steps, text = SPEAKERS[name]
    run = Run(*steps).play()
    run.check()
    assert (run.text, run.stored.text, run.records.status) == (text, text, "complete")


def test_a_model_that_says_nothing_has_failed_and_its_step_with_it() -> None:
    run = Run(say("a", "1"), ask("b", [{"finish": "stop"}])).play()
    run.check()
    assert (run.failed.error.problem, len(run.model.prompts)) == (Problem.UPSTREAM_FAILED, 1)
    gone_on = Run(say("a", "1"), ask("b", [{"finish": "stop"}], onError="continue"), say("c", "3", "b")).play()
    assert gone_on.text == "3"


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        *[
            (each, False)
            for each in ("{{ false }}", "{{ 1 > 2 }}", "{{ none }}", "{{ 0 }}", " ", " FALSE\n", "{{ '' }}")
        ],
        *[(each, True) for each in ("{{ true }}", "{{ 1 < 2 }}", "no", "{{ input }}", "{{ 1 }}", "{{ -1 }}")],
    ],
)
def test_a_condition_is_false_where_its_text_says_so(condition, runs) -> None:
    assert Run(say("a", "1", when=condition)).play().text == ("1" if runs else "")


def test_a_skipped_step_takes_those_along_that_wait_for_nobody_else() -> None:
    steps = [
        *(work("a"), say("skipped", "x", "a", when="{{ 0 }}"), say("along", "x", "skipped"), say("too", "x", "along")),
        *(say("both", "{{ steps.too.result | default('-') }}{{ steps.a.result.done }}", "too", "a"),),
    ]
    run = Run(*steps).play()
    run.check()
    assert run.records.statuses() == {"a": "complete", "both": "complete"} | dict.fromkeys(
        ("skipped", "along", "too"), "skipped"
    )
    assert run.text == "-a"
