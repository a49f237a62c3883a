"""Which of an agent's models counts the tokens of a prompt, and what comes of it where that fails."""

import logging
from typing import Any

import pytest
from support.fallback import FAILED, SPEAKS, Stub, failure, fallback, heard

from app.engine.needs import Need
from app.engine.prompt import Prompt
from app.testing.provider_apis import make_prompt

HI = make_prompt()


class Counting(Stub):
    """Implements `TokenCounter` besides: `count` is told, or raised."""

    def __init__(self, count: Any, *takes: Need, plays: Any = SPEAKS) -> None:
        super().__init__(plays)
        self.count, self.takes = count, frozenset(takes)
        self.counted: list[Prompt] = []

    def count_tokens(self, prompt: Prompt) -> int:
        self.counted.append(prompt)
        if isinstance(self.count, Exception):
            raise self.count
        return int(self.count)


def test_the_first_model_counts_and_no_other() -> None:
    first, second = Counting(7), Counting(8)
    assert fallback(first, second).count_tokens(HI) == 7
    assert [len(model.counted) for model in (first, second)] == [1, 0]
    assert fallback(Stub(SPEAKS), Counting(7)).count_tokens(HI) is None, "the first one would be asked, and does not"


def test_one_that_does_not_take_what_the_question_needs_is_not_asked() -> None:
    first, second = Counting(7), Counting(8, "stop")
    assert fallback(first, second).count_tokens(make_prompt(stop=("END",))) == 8
    assert first.counted == []


def test_where_it_fails_none_counts_and_the_log_says_why(caplog) -> None:
    first, second = Counting(FAILED), Counting(8)
    with caplog.at_level(logging.WARNING):
        assert fallback(first, second).count_tokens(HI) is None
    assert (len(first.counted), second.counted) == (1, [])
    (line,) = caplog.records
    assert (line.getMessage(), line.model, line.kind) == ("model counts no tokens", "m1", "passing")


def test_counts_that_fail_open_no_circuit_and_good_ones_close_none() -> None:
    first = Counting(FAILED)
    models = fallback(first, failures=1)
    for _ in range(3):
        models.count_tokens(HI)
    assert heard(models)[0] == "m1"
    broken = Counting(7, plays=FAILED)
    models = fallback(broken, Stub(SPEAKS), failures=2)
    for _ in range(2):
        heard(models)
        models.count_tokens(HI)
    assert (heard(models)[0], len(broken.opened)) == ("m2", 2)


def test_a_model_whose_circuit_is_open_is_not_asked() -> None:
    lonely = Counting(7, plays=FAILED)
    models = fallback(lonely, failures=2)
    failure(lambda: heard(models))
    assert models.count_tokens(HI) is None
    assert lonely.counted == []


@pytest.mark.parametrize("count", [7, FAILED])
def test_a_count_is_no_probe_of_a_circuit_that_is_half_open(count) -> None:
    model = Counting(count, plays=FAILED)
    models = fallback(model, failures=1, seconds=0)
    failure(lambda: heard(models))
    models.count_tokens(HI)
    assert len(model.counted) == 1
    model.rounds = [SPEAKS]
    assert heard(models)[0] == "m1"
