"""What every provider's models promise the engine, as tests to inherit: by Parlance's providers, and by others.

Inherit `ProviderSuite` and override three fixtures; each returns a `Scenario`, a model and the question to ask it:

    class TestParrot(ProviderSuite):
        @pytest.fixture
        def speaking(self) -> Scenario:
            return Scenario(ParrotModel(), "one two three")

        @pytest.fixture
        def silent(self) -> Scenario:
            return Scenario(ParrotModel(pause=10), "one two three")

        @pytest.fixture
        def calling(self) -> Scenario:
            return Scenario(ParrotModel(calls=("clock",)), "What time is it?")

A provider that speaks an API over HTTP inherits `HttpProviderSuite` and says only what its server sends, as a
`ProviderApi`. That one asks for the fixture `upstream` (`pytest_plugins = ["app.testing.plugin"]` in conftest.py).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import gevent
import pytest
from gevent.event import Event

from app.engine.agent import Agent, AnswerOptions
from app.engine.chunks import Chunk, ModelFinished
from app.engine.errors import ModelError, Problem
from app.engine.events import TextDelta, ToolCalled
from app.engine.messages import Message, Part, ToolCallPart, ToolResultPart, text_message
from app.engine.ports import Model, Stream
from app.engine.prompt import Prompt
from app.testing.model_server import LAST, SILENCE, Action, ModelServer, Request, streamed
from app.testing.options_suite import OptionsSuite
from app.testing.replies_suite import RepliesSuite

AGENT = Agent(id="demo", name="Demo", models=("m",), tools=("calculator", "clock", "knowledge"))
HEARTBEAT = 0.1  # seconds
PROMPT = Prompt(AGENT, [text_message("user", "Hi")], AnswerOptions())
OVERRIDE = "A class that inherits the suite overrides the fixtures `speaking`, `silent` and `calling`"


@dataclass(frozen=True)
class Scenario:
    """A model, and the question to which it behaves as the fixture's name says."""

    model: Model
    question: str = "Hi"

    def prompt(self, *so_far: Part, max_tokens: int | None = None) -> Prompt:
        """The question, and what the answer to it has said and called so far."""
        unfinished = [Message("assistant", so_far)] if so_far else []
        return Prompt(AGENT, [text_message("user", self.question), *unfinished], AnswerOptions(max_tokens=max_tokens))

    def open(self, prompt: Prompt | None = None, heartbeat: float = HEARTBEAT) -> Stream[Chunk]:
        """The model's answer to the prompt, or to the question."""
        return self.model.open(prompt or self.prompt(), heartbeat)


def chunks_of(stream: Stream[Chunk]) -> list[Chunk]:
    """All of an answer. Other greenlets run in between, so that the suite's time limit ends an answer that does not."""
    chunks: list[Chunk] = []
    for batch in stream:
        chunks += batch
        gevent.sleep(0)
    return chunks


def finished(chunks: Sequence[Chunk]) -> tuple[Sequence[Chunk], ModelFinished]:
    """What comes before the last chunk, and the last chunk."""
    *before, last = chunks
    assert isinstance(last, ModelFinished)
    return before, last


def read_aside(
    stream: Stream[Chunk], *, until_silent: bool
) -> tuple["gevent.Greenlet[[], None]", Event, list[Sequence[Chunk]]]:
    """Read in a greenlet of its own; the event is set with the first token, or the first heartbeat."""
    reached, batches = Event(), list[Sequence[Chunk]]()

    def read() -> None:
        for batch in stream:
            batches.append(batch)
            if not batch or not until_silent:
                reached.set()

    return gevent.spawn(read), reached, batches


class ProviderSuite:
    """What holds for the models of every provider. Models wait through gevent, as everything in a worker does."""

    test_seconds = 30.0
    """How long each test may take (monotonic). A model that never ends its answer fails then."""

    @pytest.fixture
    def speaking(self) -> Scenario:
        """The answer is text of at least three tokens in batches of their own, and is shorter where it has to be."""
        raise NotImplementedError(OVERRIDE)

    @pytest.fixture
    def silent(self) -> Scenario:
        """The answer is one token, and then nothing for at least five seconds."""
        raise NotImplementedError(OVERRIDE)

    @pytest.fixture
    def calling(self) -> Scenario:
        """The answer calls tools in the first round, or in several; with their results it comes to an end."""
        raise NotImplementedError(OVERRIDE)

    @pytest.fixture(autouse=True)
    def _limit(self) -> Iterator[None]:
        with gevent.Timeout(self.test_seconds, AssertionError(f"not over after {self.test_seconds} s")):
            yield

    def test_an_answer_is_text_and_then_one_last_chunk_with_the_usage(self, speaking: Scenario) -> None:
        before, last = finished(chunks_of(speaking.open()))
        assert len(before) >= 3
        assert all(isinstance(chunk, TextDelta) and chunk.text for chunk in before)
        assert last.finish_reason == "stop"
        assert last.usage.prompt_tokens > 0
        assert last.usage.completion_tokens >= 3

    def test_an_answer_that_may_not_be_longer_ends_with_the_reason_length(self, speaking: Scenario) -> None:
        before, last = finished(chunks_of(speaking.open(speaking.prompt(max_tokens=2))))
        assert before
        assert last.finish_reason == "length"
        assert last.usage.completion_tokens == 2

    def test_an_answer_of_just_the_allowed_length_is_complete(self, speaking: Scenario) -> None:
        length = finished(chunks_of(speaking.open()))[1].usage.completion_tokens
        limited = speaking.prompt(max_tokens=max(length, 100))
        assert finished(chunks_of(speaking.open(limited)))[1].finish_reason == "stop"

    @pytest.mark.timed
    def test_silence_is_told_in_empty_batches_at_the_heartbeat(self, silent: Scenario) -> None:
        stream = silent.open()
        beats: list[float] = []
        for batch in stream:
            if not batch:
                beats.append(time.monotonic())
            if len(beats) == 4:
                stream.close()
        assert len(beats) == 4
        assert 2.5 * HEARTBEAT < beats[-1] - beats[0] < 10 * HEARTBEAT

    @pytest.mark.timed
    @pytest.mark.parametrize(
        ("heartbeat", "until_silent"), [(0.3, True), (60, False)], ids=["beating", "before a beat"]
    )
    def test_closing_from_another_greenlet_ends_a_silent_stream_at_once(
        self, silent: Scenario, heartbeat: float, until_silent: bool
    ) -> None:
        stream = silent.open(heartbeat=heartbeat)
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

    def test_a_stream_that_was_closed_before_it_was_read_says_nothing(self, speaking: Scenario) -> None:
        stream = speaking.open()
        stream.close()
        stream.close()
        assert list(stream) == []

    def test_two_streams_of_one_model_do_not_disturb_each_other(self, speaking: Scenario) -> None:
        first, second, closed = (speaking.open() for _ in range(3))
        closed.close()
        mixed = [*zip(first, second, strict=False)]
        assert len(mixed) >= 3
        assert all(one and other for one, other in mixed)

    def test_no_two_tool_calls_of_an_answer_have_the_same_id(self, calling: Scenario) -> None:
        parts: list[Part] = []
        ids: list[str] = []
        for _ in range(6):
            before, last = finished(chunks_of(calling.open(calling.prompt(*parts))))
            calls = [chunk for chunk in before if isinstance(chunk, ToolCalled)]
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


class HttpProviderSuite(OptionsSuite, RepliesSuite, ProviderSuite):
    """The same for a provider that speaks an API over HTTP: subclasses set `api`."""

    @pytest.fixture
    def speaking(self, upstream: ModelServer) -> Scenario:
        return self._asking(upstream, self._speak)

    @pytest.fixture
    def silent(self, upstream: ModelServer) -> Scenario:
        return self._asking(upstream, self._begin)

    @pytest.fixture
    def calling(self, upstream: ModelServer) -> Scenario:
        return self._asking(upstream, self._call)

    @pytest.mark.timed
    def test_what_holds_nothing_does_not_put_off_the_end_of_a_silence(self, upstream: ModelServer) -> None:
        api = self.api
        beats = [piece for each in (api.begin or api.ping, api.ping, *api.nothing) for piece in (each, 0.02)] * 20
        for first in ([], [api.text("x")], api.call_in_pieces(0, "clock", {})):
            upstream.play(streamed(*first, *beats))
            begun = time.monotonic()
            with pytest.raises(ModelError) as failed:
                chunks_of(api.model(upstream.url, timeouts={"first_token": 0.5, "between_tokens": 0.5}).open(PROMPT, 5))
            assert failed.value.problem is Problem.UPSTREAM_TIMEOUT
            assert 0.5 < time.monotonic() - begun < 1.5

    @pytest.mark.timed
    def test_a_call_that_comes_in_pieces_is_no_silence_but_a_heartbeat_is_told_meanwhile(
        self, upstream: ModelServer
    ) -> None:
        pieces = self.api.call_in_pieces(0, "calculator", {"expression": "2+2"})
        trickle = [piece for each in pieces for piece in (each, 0.1)]
        upstream.play([*streamed(self.api.begin, *trickle, self.api.end("tool_calls")), LAST])
        model = self.api.model(upstream.url, timeouts={"first_token": 1, "between_tokens": 1})
        batches = list(model.open(PROMPT, 0.5))
        (*_, called, _), empty = [chunk for batch in batches for chunk in batch], batches.count(())
        assert isinstance(called, ToolCalled)
        assert called.args == {"expression": "2+2"}
        assert len(pieces) > 20
        assert empty + batches.count([]) >= 3, "one after each 0.5 s of more than two"

    def _asking(self, upstream: ModelServer, answer: Callable[[Request], Sequence[Action]]) -> Scenario:
        upstream.always = answer
        return Scenario(self.api.model(upstream.url))

    def _speak(self, request: Request) -> list[Action]:
        number = min(request.json.get("max_tokens") or 5, 5)
        tokens: list[Action] = [self.api.text("word "), 0.02] * number
        end = self.api.end("length", completion=number) if number < 5 else self.api.end(completion=number)
        return [*streamed(self.api.begin, *tokens, end), LAST]

    def _begin(self, _: Request) -> list[Action]:
        return [*streamed(self.api.begin, self.api.text("word")), SILENCE]

    def _call(self, request: Request) -> list[Action]:
        if any(message["role"] in ("assistant", "tool") for message in request.json["messages"]):
            return self.api.answer()
        calls = [self.api.call(number, "clock", {}) for number in range(2)]
        return [*streamed(self.api.begin, *calls, self.api.end("tool_calls")), LAST]
