"""What a run costs: the price of each model that accepted a step, and no more than is held for it."""

from typing import Any

import gevent
import pytest
from support.runs import CALL, LEFT, SAYS_X, Run, ask, say, work

from app.workflows.checks import most_paid

FAILS = [{"text": "x"}, {"fail": "upstream_failed"}]
SILENT = [{"fail": "upstream_failed"}]
REFUSES = [{"refuse": "upstream_failed"}]
HANGS = [{"text": "x"}, {"pause": 20}]

# The steps -> what the answer costs (each model one credit), and the most that it could.
COSTS: dict[str, tuple[list[dict[str, Any]], int, int]] = {
    "no model is asked": ([work("a"), say("b", "x", "a")], 0, 0),
    "three are asked": (
        [ask("a", SAYS_X), ask("b", SAYS_X), ask("c", SAYS_X, "a", "b")],
        3,
        3,
    ),
    "one that is asked in two rounds is paid once": ([ask("a", [CALL, {"text": "x"}], tools=["work"])], 1, 1),
    "one that refuses is free": ([ask("a", REFUSES), ask("b", SAYS_X, "a")], 0, 2),
    "so is one that fails before its first word": ([ask("a", SILENT, onError="continue"), say("b", "x", "a")], 0, 1),
    "each try that is accepted is paid": ([ask("a", FAILS, retries=2, onError="continue"), say("b", "x", "a")], 3, 3),
    "what a run that fails has asked is paid": ([ask("a", SAYS_X), ask("b", FAILS, "a")], 2, 2),
}


def cost(run: Run) -> int:
    (answer,) = run.store.answers.values()
    return answer.credits


@pytest.mark.parametrize("name", COSTS)
def test_a_run_costs_what_it_asked_of_models(name) -> None:
    steps, paid, most = COSTS[name]
    run = Run(*steps).play()
    run.check()
    assert (cost(run), most_paid(run.workflow)) == (paid, most)


def test_a_run_that_is_cancelled_costs_what_it_has_asked_so_far() -> None:
    run = Run(ask("a", SAYS_X), ask("b", HANGS, "a"), ask("c", HANGS, "a"), ask("d", SAYS_X, "b", "c"))
    gevent.spawn_later(0.5, run.turn.cancel, LEFT)
    run.play()
    run.check()
    assert (cost(run), most_paid(run.workflow)) == (3, 4)


def test_more_than_the_models_that_a_run_may_ask_are_never_paid() -> None:
    run = Run(ask("a", FAILS, retries=3), say("b", "x", "a"), modelCalls=2).play()
    assert (cost(run), most_paid(run.workflow)) == (2, 2)
