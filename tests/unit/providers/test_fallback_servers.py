"""Which of two real model servers answers."""

import time
from collections.abc import Iterator

import pytest
from support.fallbacks import failure, fallback, heard

from app.engine.chunks import ModelFinished
from app.engine.errors import Problem
from app.engine.events import TextDelta
from app.engine.messages import Usage
from app.testing.model_server import CUT, SILENCE, Upstream, head, streamed, whole
from app.testing.provider_streams import SPEECHES, Speech, let_go

FINISHED = ModelFinished("stop", Usage(3, 2))
PASSING = [401, 404, 408, 409, 425, 429, 500, 502, 503, 504, 529]


@pytest.fixture
def two() -> Iterator[tuple[Upstream, Upstream]]:
    with Upstream() as first, Upstream() as second:
        yield first, second
    let_go()


every_speech = pytest.mark.parametrize("speech", SPEECHES, ids=repr)


@every_speech
@pytest.mark.parametrize("status", [*PASSING, 400, 403, 413, 422])
def test_which_statuses_of_a_real_server_send_the_question_on(two, speech: Speech, status) -> None:
    first, second = two
    first.play(whole(speech.refusal("no"), status))
    second.play(speech.answer("x"))
    both = fallback(speech.model(first.url), speech.model(second.url))
    if status in PASSING:
        assert heard(both) == ("m2", [TextDelta("x"), FINISHED])
    else:
        assert not failure(lambda: heard(both)).passing
        assert second.requests == []
    assert len(first.requests) == 1


@every_speech
@pytest.mark.parametrize(
    "answer",
    [[CUT], [SILENCE], [head(), SILENCE], [head(), CUT], [b"HTTP/9\r\n\r\n"], streamed(b": ping\n\n", SILENCE)],
    ids=["cut", "no head", "no token", "cut after the head", "no HTTP", "pings only"],
)
def test_a_real_server_that_says_nothing_is_replaced_by_one_that_does(two, speech: Speech, answer) -> None:
    first, second = two
    first.play(answer)
    second.play(speech.answer("x"))
    short = {"connect": 0.2, "first_token": 0.3, "between_tokens": 5, "total": 5}
    both = fallback(speech.model(first.url, timeouts=short), speech.model(second.url))
    assert heard(both, heartbeat=0.1) == ("m2", [TextDelta("x"), FINISHED])
    assert first.requests[0].closed.wait(1), "the connection to the first is not left open"


@every_speech
def test_a_server_that_cannot_be_reached_is_replaced(two, speech: Speech) -> None:
    _, second = two
    second.play(speech.answer("x"))
    nobody = speech.model("http://127.0.0.1:1")
    assert heard(fallback(nobody, speech.model(second.url)))[0] == "m2"


@every_speech
def test_an_answer_that_only_takes_long_is_not_held_against_its_model(upstream, speech: Speech) -> None:
    upstream.play(streamed(speech.begin, *[speech.text("on and "), 0.05] * 99), speech.answer("x"))
    timeouts = {"connect": 5, "first_token": 5, "between_tokens": 5, "total": 0.4}
    alone = fallback(speech.model(upstream.url, timeouts=timeouts), failures=1)
    assert failure(lambda: heard(alone)).problem is Problem.UPSTREAM_TIMEOUT
    assert heard(alone)[1][0] == TextDelta("x")


@every_speech
def test_silence_is_held_against_a_model_however_short_an_answer_may_take(upstream, speech: Speech) -> None:
    upstream.play([head(), SILENCE])
    timeouts = {"connect": 5, "first_token": 5, "between_tokens": 5, "total": 0.4}
    alone = fallback(speech.model(upstream.url, timeouts=timeouts), failures=1)
    assert failure(lambda: heard(alone)).problem is Problem.UPSTREAM_TIMEOUT
    assert failure(lambda: heard(alone)).problem is Problem.OVERLOADED, "it is passed over"


@every_speech
@pytest.mark.parametrize("status", [429, 503])
def test_a_real_servers_retry_after_is_waited_for(upstream, speech: Speech, status) -> None:
    upstream.play(whole(speech.refusal("no"), status, retry_after="1"), speech.answer("x"))
    begun = time.monotonic()
    assert heard(fallback(speech.model(upstream.url)))[0] == "m1"
    assert time.monotonic() - begun >= 1
