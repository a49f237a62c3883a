"""Which of two real model servers answers."""

import time
from collections.abc import Iterator
from itertools import cycle

import pytest
from support.fallback import failure, fallback, heard

from app.engine.chunks import ModelFinished
from app.engine.errors import FailureKind, Problem
from app.engine.events import TextDelta
from app.engine.messages import Usage
from app.testing.model_server import CUT, SILENCE, ModelServer, head, streamed, whole
from app.testing.provider_apis import PROVIDER_APIS, ProviderApi, close_idle_connections

FINISHED = ModelFinished("stop", Usage(3, 2))
COUNTED = [401, 402, 403, 404, 408, 409, 412, 413, 425, 429, 451, 500, 502, 503, 504, 522, 529]


@pytest.fixture
def two() -> Iterator[tuple[ModelServer, ModelServer]]:
    with ModelServer() as first, ModelServer() as second:
        yield first, second
    close_idle_connections()


every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)


@pytest.mark.parametrize(("status", "api"), list(zip(COUNTED, cycle(PROVIDER_APIS))), ids=str)
def test_a_status_that_is_the_servers_own_trouble_sends_the_question_on_and_is_held_against_the_model(
    two, api: ProviderApi, status
) -> None:
    first, second = two
    first.play(whole(api.refusal("no"), status))
    second.play(api.answer("x"))
    both = fallback(api.model(first.url), api.model(second.url), failures=2)
    for _ in range(3):
        assert heard(both) == ("m2", [TextDelta("x"), FINISHED])
    assert len(first.requests) == 2, "then it is passed over"


@every_api
def test_a_prompt_that_is_too_long_for_one_model_is_for_the_next_and_not_held_against_it(two, api: ProviderApi) -> None:
    first, second = two
    first.play(whole(api.refusal("prompt is too long: 9 tokens > 8 maximum"), 400))
    second.play(api.answer("x"))
    both = fallback(api.model(first.url), api.model(second.url), failures=1)
    for _ in range(2):
        assert heard(both) == ("m2", [TextDelta("x"), FINISHED])
    assert len(first.requests) == 2


@pytest.mark.parametrize(("status", "api"), list(zip([400, 422], PROVIDER_APIS, strict=True)), ids=str)
def test_a_request_that_is_refused_is_wrong_for_every_model(two, api: ProviderApi, status) -> None:
    first, second = two
    first.play(whole(api.refusal("no"), status))
    both = fallback(api.model(first.url), api.model(second.url))
    assert failure(lambda: heard(both)).kind is FailureKind.REFUSED
    assert (len(first.requests), second.requests) == (1, [])


@pytest.mark.parametrize("status", [401, 402, 403, 404, 412, 413])
def test_an_only_model_whose_trouble_stands_is_not_tried_twice(upstream, status) -> None:
    api = PROVIDER_APIS[0]
    upstream.play(whole(api.refusal("no"), status))
    assert failure(lambda: heard(fallback(api.model(upstream.url)))).problem is Problem.UPSTREAM_FAILED
    assert len(upstream.requests) == 1


def test_the_one_that_may_have_recovered_is_tried_once_more_though_another_was_tried_last(two) -> None:
    api = PROVIDER_APIS[0]
    first, second = two
    first.play(whole(api.refusal("no"), 503), api.answer("x"))
    second.play(whole(api.refusal("no"), 402))
    assert heard(fallback(api.model(first.url), api.model(second.url)))[0] == "m1"
    assert (len(first.requests), len(second.requests)) == (2, 1)


@every_api
@pytest.mark.parametrize(
    "answer",
    [[CUT], [SILENCE], [head(), SILENCE], [head(), CUT], [b"HTTP/9\r\n\r\n"], streamed(b": ping\n\n", SILENCE)],
    ids=["cut", "no head", "no token", "cut after the head", "no HTTP", "pings only"],
)
def test_a_real_server_that_says_nothing_is_replaced_by_one_that_does(two, api: ProviderApi, answer) -> None:
    first, second = two
    first.play(answer)
    second.play(api.answer("x"))
    short = {"connect": 0.2, "first_token": 0.3, "between_tokens": 5, "total": 5}
    both = fallback(api.model(first.url, timeouts=short), api.model(second.url))
    assert heard(both, heartbeat=0.1) == ("m2", [TextDelta("x"), FINISHED])
    assert first.requests[0].closed.wait(1), "the connection to the first is not left open"


@every_api
def test_a_server_that_cannot_be_reached_is_replaced(two, api: ProviderApi) -> None:
    _, second = two
    second.play(api.answer("x"))
    nobody = api.model("http://127.0.0.1:1")
    assert heard(fallback(nobody, api.model(second.url)))[0] == "m2"


@every_api
def test_an_answer_that_only_takes_long_is_not_held_against_its_model(upstream, api: ProviderApi) -> None:
    upstream.play(streamed(api.begin, *[api.text("on and "), 0.05] * 99), api.answer("x"))
    timeouts = {"connect": 5, "first_token": 5, "between_tokens": 5, "total": 0.4}
    alone = fallback(api.model(upstream.url, timeouts=timeouts), failures=1)
    assert failure(lambda: heard(alone)).problem is Problem.UPSTREAM_TIMEOUT
    assert heard(alone)[1][0] == TextDelta("x")


@every_api
def test_silence_is_held_against_a_model_however_short_an_answer_may_take(upstream, api: ProviderApi) -> None:
    upstream.play([head(), SILENCE])
    timeouts = {"connect": 5, "first_token": 5, "between_tokens": 5, "total": 0.4}
    alone = fallback(api.model(upstream.url, timeouts=timeouts), failures=1)
    assert failure(lambda: heard(alone)).problem is Problem.UPSTREAM_TIMEOUT
    assert failure(lambda: heard(alone)).problem is Problem.OVERLOADED, "it is passed over"


@every_api
def test_a_real_servers_retry_after_is_waited_for(upstream, api: ProviderApi) -> None:
    upstream.play(whole(api.refusal("no"), 503, retry_after="1"), api.answer("x"))
    begun = time.monotonic()
    assert heard(fallback(api.model(upstream.url)))[0] == "m1"
    assert time.monotonic() - begun >= 1
