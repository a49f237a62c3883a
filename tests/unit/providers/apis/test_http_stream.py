"""Servers that say why the answer is over, and then do not end it: the answer is complete all the same."""

import time
from collections.abc import Sequence
from itertools import cycle

import gevent
import pytest
from gevent.event import Event

from app.engine.chunks import ModelFinished
from app.engine.events import TextDelta, ToolCalled
from app.engine.messages import Usage
from app.providers.apis.http_stream import ENDING_SECONDS
from app.testing.model_server import CUT, LAST, RESET, SILENCE, Action, chunk, sse, streamed
from app.testing.provider_apis import OPENAI, PROVIDER_APIS, ProviderApi, chunks_of, make_prompt, outcome

FINISHED = ModelFinished("stop", Usage(3, 2))
SOON = 10  # seconds; `between_tokens` is 60
ENDS: dict[str, Sequence[Action]] = {
    "silence": [SILENCE],
    "pings": [chunk(b": ping\n\n"), 0.1] * 600,
    "a cut": [CUT],
    "a reset": [0.1, RESET],
    "a cut in the next event": [chunk(b"data: {"), CUT],
    "a chunk that is none": [b"zz\r\n", SILENCE],
}

every_api = pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)
every_end = pytest.mark.parametrize(("name", "api"), list(zip(ENDS, cycle(PROVIDER_APIS))), ids=str)  # they take turns


@every_end
def test_an_answer_whose_reason_to_stop_has_come_is_complete(upstream, api: ProviderApi, name) -> None:
    said = api.begin + api.text("so ") + api.text("far") + api.end().removesuffix(api.last)
    upstream.play([*streamed(said), *ENDS[name]], api.answer("next"))
    model = api.model(upstream.url)
    begun = time.monotonic()
    assert outcome(model) == ("so far", FINISHED, None)
    assert time.monotonic() - begun < SOON
    assert upstream.wait_for_request().closed.wait(SOON), "a connection that is in the middle of an answer is not kept"
    assert outcome(model) == ("next", FINISHED, None)


@every_api
def test_its_tool_calls_are_complete_too(upstream, api: ProviderApi) -> None:
    said = api.begin + api.call(0, "clock", {}) + api.end("tool_calls").removesuffix(api.last)
    upstream.play([*streamed(said), CUT])
    called, finished = chunks_of(api.model(upstream.url))
    assert called == ToolCalled("call_0", "clock", {})
    assert finished == ModelFinished("tool-calls", Usage(3, 2))


@every_api
def test_a_shorter_limit_for_silence_is_no_failure_then(upstream, api: ProviderApi) -> None:
    said = api.begin + api.text("x") + api.end().removesuffix(api.last)
    upstream.play([*streamed(said), SILENCE])
    model = api.model(upstream.url, timeouts={"between_tokens": 0.2, "total": 0.4})
    assert outcome(model) == ("x", FINISHED, None)


@pytest.mark.timed
@every_api
def test_who_leaves_meanwhile_ends_it_at_once(upstream, api: ProviderApi) -> None:
    said = api.begin + api.text("x") + api.end().removesuffix(api.last)
    upstream.play([*streamed(said), SILENCE])
    stream = api.model(upstream.url).open(make_prompt(), 5)
    heard = Event()

    def read() -> list:
        return [batch for batch in stream if not heard.set()]

    reader = gevent.spawn(read)
    assert heard.wait(SOON)
    gevent.idle()  # by now it waits for what is behind the reason
    begun = time.monotonic()
    stream.close()
    assert reader.get(timeout=SOON) == [[TextDelta("x")]]
    assert time.monotonic() - begun < 0.8 * ENDING_SECONDS
    assert upstream.wait_for_request().closed.wait(SOON)


FINISH, COUNT = OPENAI.delta(finish_reason="stop"), sse({"choices": [], "usage": {"prompt_tokens": 3}})
BEHIND: dict[str, tuple[Sequence[Action], list]] = {  # the finish reason; and what comes of it
    "usage that takes a little": ([0.2, chunk(COUNT), SILENCE], [ModelFinished("stop", Usage(3, 0))]),
    "usage and then a cut": ([chunk(COUNT), CUT], [ModelFinished("stop", Usage(3, 0))]),
    "usage without a blank line, and a clean end": (
        [chunk(COUNT.rstrip()), LAST],
        [ModelFinished("stop", Usage(3, 0))],
    ),
    "usage that never comes": ([SILENCE], [ModelFinished("stop", Usage())]),
    "more text, and an end": (
        [0.1, chunk(OPENAI.text("y")), chunk(OPENAI.last), LAST],
        [TextDelta("y"), ModelFinished("stop", Usage())],
    ),
}


@pytest.mark.parametrize("name", BEHIND)
def test_what_still_comes_soon_counts(upstream, name) -> None:
    steps, expected = BEHIND[name]
    upstream.play([*streamed(OPENAI.text("x"), FINISH), *steps])
    assert chunks_of(OPENAI.model(upstream.url)) == [TextDelta("x"), *expected]


def test_a_reason_beside_every_token_ends_nothing(upstream) -> None:
    tokens = [OPENAI.delta(finish_reason="stop", content=text) for text in "abcd"]
    slow = [tokens[0], 0.3, tokens[1], 1.5 * ENDING_SECONDS, tokens[2], 0.3, tokens[3]]
    upstream.play([*streamed(*slow, FINISH, COUNT, OPENAI.last), LAST])
    stream = OPENAI.model(upstream.url).open(make_prompt(), 60)
    assert list(stream) == [*([TextDelta(text)] for text in "abcd"), [ModelFinished("stop", Usage(3, 0))]]
