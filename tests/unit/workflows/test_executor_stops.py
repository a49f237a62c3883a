"""Runs that are stopped at an awkward moment: nothing more is asked, said or lost, and nobody else is blamed."""

import time
from itertools import pairwise
from typing import Any

import gevent
import pytest
from support.runs import HANGS, LEFT, Records, Run, ask, say, work

from app.engine.errors import ModelError, Problem
from app.engine.events import TextDelta, ToolCalled
from app.engine.needs import Need
from app.engine.prompt import Prompt
from app.providers.circuit_breaker import CircuitBreaker
from app.providers.fallback import Candidate, Fallback
from app.providers.local.scripted import ScriptedModel


class Moody:
    """A `Model` that fails to open, hangs while it opens, or speaks: as the words of its prompt say, one after the
    other. The first word is its name."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self._speaking = ScriptedModel({"script": [{"text": "x", "times": 5, "every": 0.1}]})

    takes: frozenset[Need] = frozenset()

    def open(self, prompt: Prompt, heartbeat: float) -> Any:
        name, *moods = prompt.messages[-1].text.split()
        mood = moods[min(self.opened.count(name), len(moods) - 1)]
        self.opened.append(name)
        if mood == "hangs":
            gevent.sleep(5)
        if mood == "fails":
            raise ModelError(Problem.UPSTREAM_FAILED)
        return self._speaking.open(prompt, heartbeat)


class CallsAndBreaksOff:
    """Implements `AgentModel` and its stream: one call, and no end."""

    model = identity = "scripted"
    accepted = True

    def ask(self, _prompt: Prompt, _heartbeat: float, _model: str | None = None) -> "CallsAndBreaksOff":
        return self

    def shorten(self, _take: Any) -> None:
        pass

    def connect(self) -> Any:
        yield from ()

    def __iter__(self) -> Any:
        yield [ToolCalled("c1", "work", {"id": "q"})]
        raise ModelError(Problem.UPSTREAM_FAILED)

    def ended(self, _error: Any) -> None:
        pass

    def close(self) -> None:
        pass


def moody(*steps: Any) -> tuple[Run, Moody, CircuitBreaker]:
    model, circuit = Moody(), CircuitBreaker("moody", 10**6, 1)
    return Run(*steps, model=Fallback([Candidate(model, circuit)], 0.001)), model, circuit


def test_a_run_that_is_cancelled_in_the_pause_before_a_retry_asks_and_says_nothing_more() -> None:
    run, model, _ = moody({"id": "a", "prompt": "a fails fails speaks", "retries": 1})

    def cancel_in_the_pause() -> None:
        while len(model.opened) < 2:
            gevent.sleep(0.005)
        gevent.sleep(0.02)
        run.turn.cancel(LEFT)

    gevent.spawn(cancel_in_the_pause)
    run.play()
    run.check()
    assert (run.text, model.opened, run.failed.error) == ("", ["a", "a"], LEFT)


@pytest.mark.timed
def test_a_run_that_is_cancelled_while_its_model_opens_ends_at_once() -> None:
    run, model, _ = moody({"id": "a", "prompt": "a hangs", "retries": 3})
    gevent.spawn_later(0.1, run.turn.cancel, LEFT)
    started = time.monotonic()
    run.play()
    run.check()
    assert (run.failed.error, run.records.status, model.opened) == (LEFT, "interrupted", ["a"])
    assert time.monotonic() - started < 2


@pytest.mark.timed
def test_a_run_that_is_cancelled_while_the_store_hears_of_it_ends_at_once() -> None:
    class Slow(Records):
        def begin(self, *told: Any) -> None:
            gevent.sleep(0.05)
            super().begin(*told)

    run = Run(ask("a", [{"pause": HANGS}]), say("b", "x", "a"), runs=Slow(), heartbeat=0.1)
    gevent.spawn_later(0.02, run.turn.cancel, LEFT)
    started = time.monotonic()
    run.play()
    run.check()
    assert run.failed.error is LEFT
    assert time.monotonic() - started < 2


@pytest.mark.timed
def test_a_model_that_fails_is_not_blamed_on_the_one_that_is_just_being_opened() -> None:
    run, model, circuit = moody({"id": "bad", "prompt": "bad fails"}, {"id": "answer", "prompt": "answer hangs"})
    started = time.monotonic()
    run.play()
    run.check()
    assert run.failed.error.problem is Problem.UPSTREAM_FAILED
    assert model.opened.count("answer") == 1
    assert circuit._in_a_row == 2, "the two tries of the one that failed"
    assert time.monotonic() - started < 2


def test_a_run_that_is_cancelled_in_its_last_words_is_complete_without_an_error_or_interrupted_with_one() -> None:
    run = Run(work("a"))
    run.turn.begin()
    for batch in run.turn.run():
        if any(isinstance(each, TextDelta) for each in batch):
            run.turn.cancel(LEFT)
    assert (run.records.status, run.records.error) in [("complete", None), ("interrupted", LEFT.message)]


def test_a_crash_of_the_answer_gives_each_open_call_its_result(caplog) -> None:
    speaks = [{"text": "x", "times": 3, "every": 0.02}, {"fail": "crash"}]
    run = Run(work("slow", seconds=HANGS), ask("b", speaks)).play()
    run.check()
    assert len(run.of(ToolCalled)) == 1
    assert run.failed.error.problem is Problem.INTERNAL
    assert "asked for a crash" in caplog.text


@pytest.mark.parametrize("answers", [False, True])
def test_a_call_whose_model_breaks_off_gets_a_result_where_the_run_goes_on(answers) -> None:
    breaks = ask("a", [], tools=["work"], onError="continue")
    steps = (say("b", "said", "a"), breaks) if answers else (breaks, say("b", "said", "a"))
    run = Run(*steps, model=CallsAndBreaksOff()).play()
    run.check()
    assert len(run.of(ToolCalled)) == 1
    assert (run.text, run.records.statuses()) == ("said", {"a": "failed", "b": "complete"})


@pytest.mark.parametrize("step", [say("a", "{{ '' }}"), say("a", "x", when="{{ 0 }}"), ask("a", [])])
def test_nothing_said_is_no_sign_of_silence(step) -> None:
    run = Run(step).play()
    assert [batch for _, batch in run.batches if not batch] == []


@pytest.mark.alone
def test_templates_that_take_their_time_leave_the_others_theirs() -> None:
    slow = "{% for a in input %}{% for b in input %}{% endfor %}{% endfor %}"
    moments: list[float] = []

    def tick() -> None:
        while True:
            moments.append(time.monotonic())
            gevent.sleep(0.01)

    steps = [work("a", args={"id": "a", "x": [slow] * 150}), *(say(f"s{n}", "x", when=slow) for n in range(9))]
    planned = Run(*(step | {"onError": "continue"} for step in steps), text="x" * 250)
    ticker = gevent.spawn(tick)
    gevent.sleep(0)
    run = planned.play()
    ticker.kill()
    run.check()
    moments.append(time.monotonic())
    assert max(after - before for before, after in pairwise(moments)) < 0.5


def test_a_run_that_is_cancelled_when_its_answer_begins_asks_nobody() -> None:
    run = Run(ask("a", [{"text": "x", "times": 5, "every": 0.1}]))
    run.turn.begin()
    batches = run.turn.run()
    next(batches), next(batches)
    gevent.spawn(run.turn.cancel, LEFT)
    told = [each for batch in batches for each in batch]
    assert told[-1].error is LEFT
    assert run.model.prompts == []
