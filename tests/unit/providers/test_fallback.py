"""Which of an agent's models answers: the next where one refuses; and heartbeats until one does."""

import time
from dataclasses import replace
from functools import partial
from typing import Any

import gevent
import pytest
from support.fallback import FAILED, FINISHED, SPEAKS, WRONG, Stub, failure, fallback, heard, opened

from app.engine.chunks import ModelFinished
from app.engine.errors import FailureKind, ModelError, Problem
from app.engine.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningIdentified,
    ReasoningStarted,
    TextDelta,
    TextStarted,
)
from app.engine.framing import END_OF_THOUGHTS, Framing
from app.engine.messages import (
    Message,
    ProviderMetadata,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
    text_message,
)
from app.providers import identity_of
from app.providers.fallback import LONGEST_RETRY_SECONDS
from app.testing.provider_apis import make_prompt

REFUSALS = {
    "at the door": FAILED,
    "before its first chunk": [FAILED],
    "after silence": [(), (), FAILED],
    "with an overload": ModelError(Problem.OVERLOADED, retry_after=9),
    "too slow": [(), ModelError(Problem.UPSTREAM_TIMEOUT)],
}


@pytest.mark.parametrize("name", REFUSALS)
def test_the_next_model_answers_where_one_refuses(name) -> None:
    first, second, third = Stub(REFUSALS[name]), Stub(SPEAKS), Stub(SPEAKS)
    assert heard(fallback(first, second, third)) == ("m2", [TextDelta("x"), FINISHED])
    assert [len(model.opened) for model in (first, second, third)] == [1, 1, 0]


def test_each_model_gets_its_own_metadata_and_none_of_the_others() -> None:
    parts = [ReasoningPart("Hm", ProviderMetadata({"signature": name}, name)) for name in ("m1", "m2", "m2 else")]
    prompt = replace(make_prompt(), messages=[text_message("user", "Hi"), Message("assistant", tuple(parts))])
    models = Stub(FAILED), Stub(SPEAKS)
    stream = fallback(*models).ask(prompt, 5)
    list(stream.connect())
    assert stream.identity == "m2"
    seen = [[part.metadata for part in model.prompts[0].messages[1].parts] for model in models]
    assert seen == [[parts[0].metadata, None, None], [None, parts[1].metadata, None]]


def test_a_model_is_another_one_under_another_name_at_another_server_or_if_the_server_has_another() -> None:
    options = {"base_url": "http://a.example/v1", "model": "x", "temperature": 1.0}
    assert identity_of("m", "openai", options) == identity_of("m", "openai", options | {"temperature": 0.0})
    others = [options | {"base_url": "http://b.example/v1"}, options | {"model": "y"}]
    identities = {identity_of("m", "openai", each) for each in (options, *others)}
    identities |= {identity_of("n", "openai", options), identity_of("m", "anthropic", options)}
    assert len(identities) == 5


def test_where_all_refuse_the_last_is_tried_once_more_and_it_is_its_failure() -> None:
    models = [Stub(FAILED), Stub([FAILED]), Stub(ModelError(Problem.UPSTREAM_TIMEOUT))]
    assert failure(lambda: heard(fallback(*models))).problem is Problem.UPSTREAM_TIMEOUT
    assert [len(model.opened) for model in models] == [1, 1, 2]


def test_the_last_of_a_list_is_heard_when_it_says_when_to_come_again() -> None:
    last = Stub(ModelError(Problem.OVERLOADED, retry_after=0), SPEAKS)
    assert heard(fallback(Stub(FAILED), last, retry=LONGEST_RETRY_SECONDS + 1)) == ("m2", [TextDelta("x"), FINISHED])
    assert len(last.opened) == 2


def test_the_last_is_the_one_that_was_tried_last_and_not_one_that_is_passed_over() -> None:
    first, second = Stub(FAILED, SPEAKS, FAILED, SPEAKS), Stub(FAILED)
    both = fallback(first, second, failures=2)
    failure(lambda: heard(both))
    assert [heard(both)[0] for _ in range(2)] == ["m1", "m1"]
    assert (len(first.opened), len(second.opened)) == (4, 2)


@pytest.mark.parametrize("wrong", [WRONG, [WRONG]], ids=["at the door", "before the first chunk"])
def test_what_no_other_model_would_do_better_is_not_tried_again(wrong) -> None:
    first, second, lonely = Stub(wrong), Stub(SPEAKS), Stub(wrong)
    assert failure(lambda: heard(fallback(first, second))) is WRONG
    assert failure(lambda: heard(fallback(lonely))) is WRONG
    assert (len(second.opened), len(lonely.opened)) == (0, 1)


def test_a_stream_that_failed_before_its_first_chunk_is_closed() -> None:
    first = Stub([FAILED])
    heard(fallback(first, Stub(SPEAKS)))
    assert first.closed == 1


def test_after_the_first_chunk_nothing_is_tried_again() -> None:
    first, second = Stub([[TextDelta("so far")], FAILED]), Stub(SPEAKS)
    stream = opened(fallback(first, second))
    said: list[Any] = []
    assert failure(lambda: [said.extend(batch) for batch in stream]) is FAILED
    assert said == [TextDelta("so far")]
    assert second.opened == []


@pytest.mark.parametrize("first_round", [FAILED, [FAILED]], ids=["at the door", "before the first chunk"])
def test_one_model_alone_is_tried_once_more_a_little_later(first_round) -> None:
    model = Stub(first_round, SPEAKS)
    assert heard(fallback(model, retry=0.2)) == ("m1", [TextDelta("x"), FINISHED])
    first, second = model.opened
    assert 0.2 <= second - first < 2


def test_one_model_alone_is_not_tried_again_when_its_caller_has_seen_the_answer_begin() -> None:
    model = Stub([(), FAILED], SPEAKS)
    assert failure(lambda: heard(fallback(model))) is FAILED
    assert len(model.opened) == 1


def test_one_model_alone_is_tried_twice_and_not_more() -> None:
    model = Stub(FAILED)
    assert failure(lambda: heard(fallback(model))) is FAILED
    assert len(model.opened) == 2


def test_a_server_that_says_when_to_come_again_is_heard() -> None:
    model = Stub(ModelError(Problem.OVERLOADED, retry_after=1), SPEAKS)
    heard(fallback(model, retry=0))
    first, second = model.opened
    assert 1 <= second - first < 3


def test_a_server_that_wants_a_long_wait_is_not_waited_for_and_its_caller_is_told() -> None:
    model = Stub(ModelError(Problem.OVERLOADED, retry_after=LONGEST_RETRY_SECONDS + 1), SPEAKS)
    told = failure(lambda: heard(fallback(model)))
    assert (told.problem, told.retry_after) == (Problem.OVERLOADED, 11)
    assert len(model.opened) == 1


def test_a_silent_model_alone_lets_the_response_begin_after_the_first_heartbeat() -> None:
    stream = opened(fallback(Stub([(), (), *SPEAKS])))
    batches = iter(stream)
    assert next(batches) == ()
    assert [chunk for batch in batches for chunk in batch] == [TextDelta("x"), FINISHED]


def test_the_last_of_several_models_has_a_heartbeats_time_too() -> None:
    stream = opened(fallback(Stub(FAILED), Stub([(), *SPEAKS])))
    assert list(stream) == [(), [TextDelta("x")], [FINISHED]]


def test_who_began_an_answer_is_asked_alone_and_once_even_where_it_is_passed_over() -> None:
    first, second = Stub(SPEAKS, FAILED, SPEAKS), Stub(SPEAKS)
    both = fallback(first, second, failures=1)
    assert heard(both)[0] == "m1"
    assert failure(lambda: heard(both, model="m1")) is FAILED
    assert heard(both, model="m1")[0] == "m1"
    assert (len(first.opened), second.opened) == (3, [])


def test_while_a_model_opens_its_caller_hears_heartbeats() -> None:
    stream = fallback(Stub(SPEAKS, before=partial(gevent.sleep, 0.5))).ask(make_prompt(), 0.1)
    silence = list(stream.connect())
    assert len(silence) >= 2
    assert not any(silence)
    assert [*stream] == SPEAKS


def test_in_the_pause_before_a_model_is_tried_again_its_caller_hears_heartbeats() -> None:
    stream = fallback(Stub(FAILED, SPEAKS), retry=0.5).ask(make_prompt(), 0.1)
    assert len(list(stream.connect())) >= 2
    assert [*stream] == SPEAKS


def test_an_opening_that_is_closed_ends_at_once_and_nobody_else_is_asked() -> None:
    first, second = Stub(SPEAKS, before=partial(gevent.sleep, 5)), Stub(SPEAKS)
    stream = fallback(first, second).ask(make_prompt(), 60)
    gevent.spawn_later(0.05, stream.close)
    started = time.monotonic()
    assert [*stream.connect(), *stream] == []
    assert time.monotonic() - started < 2
    assert second.opened == []


def test_what_opens_in_the_moment_in_which_it_is_closed_is_closed_too() -> None:
    model = Stub(SPEAKS)
    stream = fallback(model).ask(make_prompt(), 5)
    model.before = stream.close
    assert [*stream.connect(), *stream] == []
    assert model.closed == 1


def test_an_answer_that_is_closed_before_it_is_opened_asks_nobody() -> None:
    model = Stub(SPEAKS)
    stream = fallback(model).ask(make_prompt(), 5)
    stream.close()
    assert [*stream.connect(), *stream] == []
    assert model.opened == []


LENGTH = ModelFinished("length", Usage(3, 2))
NOTHING, BLANKS = [[LENGTH]], [[TextDelta("\n")], [TextDelta(" "), LENGTH]]
THOUGHTS = [[ReasoningDelta("hm")], [LENGTH]]
LATE = [(), [LENGTH]]
SECOND = [TextDelta("x"), FINISHED]
WORDLESS = {"nothing": NOTHING, "blanks": BLANKS, "thoughts": THOUGHTS, "nothing, late": LATE}


def shown(said: list[Any]) -> list[Any]:
    return [chunk for chunk in said if not isinstance(chunk, ReasoningDelta | ReasoningIdentified)]


@pytest.mark.parametrize("name", WORDLESS)
def test_a_model_that_says_nothing_is_asked_a_second_time(name) -> None:
    model = Stub(WORDLESS[name], SPEAKS)
    answered, said = heard(fallback(model, retry=0.1))
    assert (answered, shown(said)) == ("m1", SECOND)
    assert len(model.opened) == 2
    assert model.opened[1] - model.opened[0] >= 0.1
    assert model.closed >= 1


@pytest.mark.parametrize("name", WORDLESS)
def test_of_several_models_another_one_is_asked(name) -> None:
    first, second, third = Stub(WORDLESS[name]), Stub(SPEAKS), Stub(SPEAKS)
    answered, said = heard(fallback(first, second, third))
    assert (answered, shown(said)) == ("m2", SECOND)
    assert [len(model.opened) for model in (first, second, third)] == [1, 1, 0]


@pytest.mark.parametrize("name", WORDLESS)
def test_who_says_nothing_twice_has_failed_and_is_not_asked_again(name) -> None:
    model = Stub(WORDLESS[name])
    error = failure(lambda: heard(fallback(model)))
    assert (error.problem, error.kind) == (Problem.UPSTREAM_FAILED, FailureKind.WORDLESS)
    assert len(model.opened) == 2


@pytest.mark.parametrize("name", WORDLESS)
def test_silence_is_not_held_against_a_model_that_works(name) -> None:
    model = Stub(WORDLESS[name], WORDLESS[name], SPEAKS)
    alone = fallback(model, failures=1)
    failure(lambda: heard(alone))
    assert heard(alone)[0] == "m1", "whoever makes it say nothing does not keep it from others"


def test_a_second_model_that_fails_is_a_failure_which_counts_once(caplog) -> None:
    first, second = Stub(THOUGHTS, SPEAKS), Stub(FAILED, SPEAKS)
    both = fallback(first, second, failures=2)
    assert failure(lambda: heard(both)) is FAILED
    assert [line.reason for line in caplog.records] == ["ended without a word: length", "The model failed to answer"]
    first.rounds, second.rounds = [FAILED], [SPEAKS]
    assert heard(both)[0] == "m2", "one failure did not open its circuit"


def test_a_model_that_is_passed_over_is_not_asked_in_anothers_place() -> None:
    first, second = Stub(THOUGHTS, SPEAKS), Stub(FAILED)
    both = fallback(first, second, failures=1)
    failure(lambda: heard(both))
    first.rounds = [THOUGHTS, SPEAKS]
    assert heard(both)[0] == "m1"
    assert len(second.opened) == 1


def test_what_a_filter_has_taken_out_is_asked_of_nobody_else() -> None:
    for reply in (
        [[ModelFinished("content-filter", Usage())]],
        [[ReasoningDelta("hm")], [ModelFinished("content-filter", Usage())]],
    ):
        first, second = Stub(reply), Stub(SPEAKS)
        error = failure(lambda first=first, second=second: heard(fallback(first, second)))
        assert (error.kind, len(first.opened), second.opened) == (FailureKind.FILTERED, 1, [])


@pytest.mark.parametrize("name", WORDLESS)
def test_in_a_later_round_the_same_model_is_asked_again_unless_the_answer_has_words(name) -> None:
    prompt = make_prompt()
    so_far = Message("assistant", (ToolCallPart("a", "clock", {}), ToolResultPart("a", "clock", "12", is_error=False)))
    for parts, tries in (((), 2), ((TextPart("So. "),), 1)):
        messages = [*prompt.messages, Message("assistant", (*parts, *so_far.parts))]
        model, other = Stub(WORDLESS[name], SPEAKS), Stub(SPEAKS)
        stream = fallback(model, other).ask(replace(prompt, messages=messages), 5, "m1")
        said = [*stream.connect(), *(chunk for batch in stream for chunk in batch)]
        assert (len(model.opened), other.opened) == (tries, [])
        assert said[-1] == (FINISHED if tries == 2 else LENGTH)


def test_what_two_replies_have_thought_is_not_taken_for_the_thoughts_of_one() -> None:
    both = [[ReasoningDelta("so")], [TextDelta("x")], [FINISHED]]
    said = heard(fallback(Stub(THOUGHTS), Stub(both)))[1]
    framing = Framing()
    assert [type(event) for event in framing.frame(said[:-1])] == [
        *(ReasoningStarted, ReasoningDelta, ReasoningEnded),
        *(ReasoningStarted, ReasoningDelta, ReasoningEnded, TextStarted, TextDelta),
    ]


def test_a_second_try_is_closed_with_its_answer() -> None:
    model = Stub(THOUGHTS, SPEAKS)
    stream = opened(fallback(model, retry=5), heartbeat=0.05)
    batches = iter(stream)
    assert [next(batches), next(batches)] == [[ReasoningDelta("hm")], [END_OF_THOUGHTS]]
    assert next(batches) == (), "its caller hears heartbeats in the pause"
    begun = time.monotonic()
    stream.close()
    assert [chunk for batch in batches for chunk in batch] == []
    assert time.monotonic() - begun < 1
    assert len(model.opened) == 1
