"""When a model that keeps failing is left out, and when it is tried again: as callers of a fallback find it."""

from functools import partial

import gevent
import pytest
from support.fallback import FAILED, SPEAKS, WRONG, Stub, failure, fallback, heard, opened

from app.engine.errors import Problem
from app.engine.events import TextDelta
from app.testing.provider_apis import make_prompt


def test_a_model_that_failed_often_is_passed_over_and_tried_again_when_the_time_is_up() -> None:
    first, second = Stub(FAILED), Stub(SPEAKS)
    both = fallback(first, second, failures=3, seconds=0.3)
    assert [heard(both)[0] for _ in range(5)] == ["m2"] * 5
    assert len(first.opened) == 3, "after three failures in a row it is passed over"
    gevent.sleep(0.31)
    heard(both)
    assert len(first.opened) == 4, "half open: one try"
    heard(both)
    assert len(first.opened) == 4, "which failed, so it is closed out for as long again"
    first.rounds = [SPEAKS]
    gevent.sleep(0.31)
    assert [heard(both)[0] for _ in range(3)] == ["m1"] * 3


def test_an_answer_in_between_makes_the_count_begin_anew() -> None:
    first = Stub(FAILED, FAILED, SPEAKS, FAILED, FAILED, SPEAKS)
    both = fallback(first, Stub(SPEAKS), failures=3)
    assert [heard(both)[0] for _ in range(6)] == ["m2", "m2", "m1", "m2", "m2", "m1"]


def test_breaking_off_in_mid_answer_counts_as_a_failure() -> None:
    first = Stub([[TextDelta("so far")], FAILED])
    both = fallback(first, Stub(SPEAKS), failures=2)
    for _ in range(2):
        failure(lambda: heard(both))
    assert heard(both)[0] == "m2"


def test_while_half_open_only_one_caller_tries() -> None:
    first, second = Stub(FAILED), Stub(SPEAKS)
    both = fallback(first, second, failures=1, seconds=0.2)
    heard(both)
    gevent.sleep(0.21)
    first.rounds = [[0.2, FAILED]]
    gevent.joinall([gevent.spawn(heard, both) for _ in range(5)], timeout=5, raise_error=True)
    assert len(first.opened) == 2


def test_once_the_one_try_begins_to_answer_others_do_not_wait_for_each_other() -> None:
    model = Stub(FAILED)
    alone = fallback(model, failures=1, seconds=0.2)
    failure(lambda: heard(alone))
    gevent.sleep(0.21)
    model.rounds = [SPEAKS]
    opened(alone)  # an answer that goes on
    model.rounds = [[0.2, *SPEAKS]]
    asked = [gevent.spawn(heard, alone) for _ in range(5)]
    gevent.joinall(asked, timeout=10, raise_error=True)
    model.rounds = [FAILED]
    failure(lambda: heard(alone))
    assert failure(lambda: heard(alone)).problem is Problem.OVERLOADED


def test_where_every_model_is_passed_over_the_caller_is_told_when_to_come_again() -> None:
    models = [Stub(FAILED), Stub(FAILED)]
    both = fallback(*models, failures=1, seconds=30)
    failure(lambda: heard(both))
    told = failure(lambda: heard(both))
    assert (told.problem, told.retry_after) == (Problem.OVERLOADED, 30)
    assert [len(model.opened) for model in models] == [1, 1]


def test_one_model_alone_is_passed_over_too_and_not_tried_twice_for_its_last_failure() -> None:
    model = Stub(FAILED)
    alone = fallback(model, failures=1, seconds=30)
    assert failure(lambda: heard(alone)) is FAILED
    assert failure(lambda: heard(alone)).retry_after == 30
    assert len(model.opened) == 1


@pytest.mark.parametrize("wrong", [WRONG, [WRONG]], ids=["at the door", "before the first chunk"])
def test_a_model_that_refuses_what_it_is_asked_lives_and_its_failures_are_forgotten(wrong) -> None:
    model = Stub(FAILED)
    alone = fallback(model, failures=2, seconds=0.2)
    failure(lambda: heard(alone))
    gevent.sleep(0.21)
    model.rounds = [wrong, FAILED, SPEAKS]
    assert failure(lambda: heard(alone)) is WRONG
    assert heard(alone)[0] == "m1", "one failure more is not enough to pass it over"


@pytest.mark.parametrize("moment", ["while it opens", "before its first chunk"])
def test_a_caller_who_leaves_before_anything_came_of_the_one_try_gives_it_to_the_next(moment) -> None:
    model = Stub(FAILED)
    alone = fallback(model, failures=1, seconds=0.5)
    failure(lambda: heard(alone))
    gevent.sleep(0.51)
    model.rounds = [[(), (), *SPEAKS]]
    if moment == "while it opens":
        model.before = partial(gevent.sleep, 5)
        left = alone.ask(make_prompt(), 0.01)
        assert next(iter(left.connect())) == ()
    else:
        left = opened(alone)
        assert failure(lambda: heard(alone)).problem is Problem.OVERLOADED, "one caller tries"
    left.close()
    model.before = lambda: None
    assert heard(alone)[0] == "m1"


def test_a_caller_who_leaves_without_having_the_one_try_changes_nothing() -> None:
    model = Stub(SPEAKS, FAILED)
    alone = fallback(model, failures=1, seconds=30)
    stranger = opened(alone)
    failure(lambda: heard(alone))
    stranger.close()
    assert failure(lambda: heard(alone)).retry_after == 30
