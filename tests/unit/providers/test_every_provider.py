"""What every provider's model must do. A provider joins by one row of PROVIDERS_UNDER_TEST."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gevent
import pytest
from gevent.event import Event

from app.engine.agent import Agent, SamplingOptions
from app.engine.chunks import Chunk, ModelFinished
from app.engine.events import TextDelta, ToolCalled
from app.engine.messages import Message, Part, ToolCallPart, ToolResultPart, said
from app.engine.ports import Model, Stream
from app.engine.prompt import Prompt
from app.providers import PROVIDERS
from app.testing.model_server import LAST, SILENCE, Action, ModelServer, Request, streamed
from app.testing.provider_apis import PROVIDER_APIS
from app.testing.server import script

AGENT = Agent(id="demo", name="Demo", models=("m",), tools=("calculator", "clock", "knowledge"))
HEARTBEAT = 0.1
BEHAVIOURS = ("speaks", "silent", "calls")  # in the order of Provider


@dataclass(frozen=True)
class Asked:
    """A question, and the provider's options under which it has the wanted effect."""

    question: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Provider:
    """`speaks` gets at least three tokens, `silent` one token and then nothing for seconds, `calls` tool calls."""

    name: str
    speaks: Asked
    silent: Asked
    calls: Asked


PROVIDERS_UNDER_TEST = [
    Provider(
        "builtin",
        speaks=Asked("Tell me a joke", {"pace": 0}),
        silent=Asked("Tell me a joke", {"pace": 10}),
        calls=Asked("What is 2+2?", {"pace": 0}),
    ),
    Provider(
        "scripted",
        speaks=Asked(script({"text": "word ", "times": 5}), {}),
        silent=Asked(script({"text": "word"}, {"pause": 10}), {}),
        calls=Asked(script({"call": "clock"}, {"call": "clock"}, {"text": "so"}, {"call": "clock"}), {}),
    ),
]
for http in PROVIDER_APIS:
    asked = [Asked(behaviour, {"model": "m-1", "path": f"/{http}/{behaviour}"}) for behaviour in BEHAVIOURS]
    PROVIDERS_UNDER_TEST.append(Provider(http.provider, *asked))
every_provider = pytest.mark.parametrize("provider", PROVIDERS_UNDER_TEST, ids=lambda provider: provider.name)


def answer(request: Request) -> list[Action]:
    """What a model server says, by the path of the request."""
    _, name, behaviour, *_ = request.path.split("/")
    api = next(api for api in PROVIDER_APIS if api.provider == name)
    if behaviour == "silent":
        return [*streamed(api.begin, api.text("word")), SILENCE]
    if behaviour == "calls":
        asked_before = any(message["role"] in ("assistant", "tool") for message in request.json["messages"])
        calls = [] if asked_before else [api.call(number, "clock", {}) for number in range(2)]
        return [*streamed(api.begin, *calls, api.end(*["tool_calls"] if calls else [])), LAST]
    most = min(request.json.get("max_tokens") or 5, 5)
    end = api.end(completion=most, **({"reason": "length"} if most < 5 else {}))
    return [*streamed(api.begin, *[api.text("word "), 0.02] * most, end), LAST]


@pytest.fixture(autouse=True)
def model_server(upstream) -> ModelServer:
    upstream.always = answer
    return upstream


@pytest.fixture
def build(upstream):
    """The model that the provider makes, with a real server behind it where it wants one."""

    def make(provider: Provider, asked: Asked) -> Model:
        options = dict(asked.options)
        if "path" in options:
            api = next(api for api in PROVIDER_APIS if api.provider == provider.name)
            return api.model(upstream.url + options.pop("path"), **options)
        made = PROVIDERS[provider.name]
        return made.build(made.options().load(options))

    return make


def prompt(asked: Asked, *so_far: Part, max_tokens: int | None = None) -> Prompt:
    unfinished = [Message("assistant", so_far)] if so_far else []
    return Prompt(AGENT, [said("user", asked.question), *unfinished], SamplingOptions(max_tokens=max_tokens))


def chunks_of(stream: Stream[Chunk]) -> list[Chunk]:
    return [chunk for batch in stream for chunk in batch]


def read_aside(stream: Stream[Chunk], *, until_silent: bool) -> tuple[gevent.Greenlet, Event, list[Sequence[Chunk]]]:
    """Read in a greenlet of its own; the event is set with the first token, or the first heartbeat."""
    reached, batches = Event(), []

    def read() -> None:
        for batch in stream:
            batches.append(batch)
            if not batch or not until_silent:
                reached.set()

    return gevent.spawn(read), reached, batches


def test_every_provider_is_under_test() -> None:
    assert {provider.name for provider in PROVIDERS_UNDER_TEST} == set(PROVIDERS)


@every_provider
def test_an_answer_is_text_and_then_one_last_chunk_with_the_usage(build, provider) -> None:
    *said_first, last = chunks_of(build(provider, provider.speaks).open(prompt(provider.speaks), HEARTBEAT))
    assert len(said_first) >= 3
    assert all(isinstance(chunk, TextDelta) and chunk.text for chunk in said_first)
    assert isinstance(last, ModelFinished)
    assert last.finish_reason == "stop"
    assert last.usage.prompt_tokens > 0
    assert last.usage.completion_tokens >= 3


@every_provider
def test_an_answer_that_may_not_be_longer_ends_with_the_reason_length(build, provider) -> None:
    limited = prompt(provider.speaks, max_tokens=2)
    *said_first, last = chunks_of(build(provider, provider.speaks).open(limited, HEARTBEAT))
    assert said_first
    assert last.finish_reason == "length"
    assert last.usage.completion_tokens == 2


@every_provider
def test_an_answer_of_just_the_allowed_length_is_complete(build, provider) -> None:
    model = build(provider, provider.speaks)
    length = chunks_of(model.open(prompt(provider.speaks), HEARTBEAT))[-1].usage.completion_tokens
    seeded = prompt(provider.speaks, max_tokens=max(length, 100))
    assert chunks_of(model.open(seeded, HEARTBEAT))[-1].finish_reason == "stop"


@pytest.mark.timed
@every_provider
def test_silence_is_told_in_empty_batches_at_the_heartbeat(build, provider) -> None:
    stream = build(provider, provider.silent).open(prompt(provider.silent), HEARTBEAT)
    beats: list[float] = []
    for batch in stream:
        if not batch:
            beats.append(time.monotonic())
        if len(beats) == 4:
            stream.close()
    assert len(beats) == 4
    assert 2.5 * HEARTBEAT < beats[-1] - beats[0] < 10 * HEARTBEAT


@pytest.mark.timed
@every_provider
@pytest.mark.parametrize(("heartbeat", "until_silent"), [(0.3, True), (60, False)], ids=["beating", "before a beat"])
def test_closing_from_another_greenlet_ends_a_silent_stream_at_once(build, provider, heartbeat, until_silent) -> None:
    stream = build(provider, provider.silent).open(prompt(provider.silent), heartbeat)
    reader, reached, batches = read_aside(stream, until_silent=until_silent)
    assert reached.wait(5)
    gevent.idle()  # by now it waits again
    seen = len(batches)
    begun = time.monotonic()
    stream.close()
    reader.join(5)
    assert reader.successful()
    assert time.monotonic() - begun < 0.1
    assert len(batches) == seen, "nothing comes after the close"


@every_provider
def test_a_stream_that_was_closed_before_it_was_read_says_nothing(build, provider) -> None:
    stream = build(provider, provider.speaks).open(prompt(provider.speaks), HEARTBEAT)
    stream.close()
    stream.close()
    assert list(stream) == []


@every_provider
def test_two_streams_of_one_model_do_not_disturb_each_other(build, provider) -> None:
    model = build(provider, provider.speaks)
    asked = prompt(provider.speaks)
    first, second, closed = (model.open(asked, HEARTBEAT) for _ in range(3))
    closed.close()
    mixed = [*zip(first, second, strict=False)]
    assert len(mixed) >= 3
    assert all(one and other for one, other in mixed)


@every_provider
def test_no_two_tool_calls_of_an_answer_have_the_same_id(build, provider) -> None:
    model = build(provider, provider.calls)
    parts: list[Part] = []
    ids: list[str] = []
    for _ in range(6):
        *said_first, last = chunks_of(model.open(prompt(provider.calls, *parts), HEARTBEAT))
        calls = [chunk for chunk in said_first if isinstance(chunk, ToolCalled)]
        assert (last.finish_reason == "tool-calls") is bool(calls)
        if not calls:
            break
        ids += [call.call_id for call in calls]
        parts += [ToolCallPart(call.call_id, call.name, call.args) for call in calls]
        result = {"expression": "2+2", "value": "4"}
        parts += [ToolResultPart(call.call_id, call.name, result, is_error=False) for call in calls]
    assert not calls, "the answer comes to an end"
    assert ids
    assert len(set(ids)) == len(ids)
