"""The rounds of an answer: a request to the model, the tool calls that it makes, a request with their results, …"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from app.engine.agent import ToolContext
from app.engine.answer_calls import AnswerCalls
from app.engine.chunks import ModelFinished
from app.engine.engine import Engine
from app.engine.errors import ChatError, ModelError, Problem
from app.engine.events import (
    Batch,
    Event,
    ReasoningEnded,
    ReasoningIdentified,
    RoundFinished,
    RoundStarted,
    ToolCalled,
)
from app.engine.framing import Framing
from app.engine.generation import GenerationInput
from app.engine.messages import FinishReason, Mark, Message, TextPart, ToolCallPart, Usage, last_question
from app.engine.ports import ModelStream, Stream, TakesText
from app.engine.prompt import Passage
from app.engine.question import Question
from app.engine.question_prompt import client_tools, prompt_of
from app.engine.sources import Sources
from app.engine.transcript import Transcript

_NO_CONNECTION: Iterator[Batch] = iter(())


class Rounds:
    """Implements `Generation`. `usage` and `finish_reason` are those of the rounds that have ended."""

    def __init__(self, engine: Engine, question: Question) -> None:
        self.transcript = Transcript(engine.answer_bytes, request_id=question.request_id)
        self.usage = Usage()
        self.finish_reason: FinishReason = "other"
        self.first_token: float | None = None
        self.mark: Mark | None = None
        self._replies, self._speaking = 0, 0.0  # with output that have ended, and for how many seconds they went on
        self._model: str | None = None
        self._first: ModelStream | None = None  # the first stream of a model, while it connects and after
        self._failed = False  # before it said anything
        self.connecting = False
        self.cancelled: ChatError | None = None
        self._shortcut: TakesText = lambda _text: None
        self._framing = Framing()
        self._engine = engine
        self._question = question
        self._messages: Sequence[Message] = ()
        self._order = ""
        self._passages: Sequence[Passage] = ()
        self._sources = Sources()
        self._stream: Stream[Any] | None = None
        self._connection: Iterator[Batch] = _NO_CONNECTION  # the first, which `prepare` may leave unfinished
        self._client_tools = client_tools(question)
        names = [*question.agent.tools, *self._client_tools]
        self._calls = AnswerCalls(names, lambda: (*self._messages, self.transcript.message()))

    @property
    def model(self) -> str | None:
        """See the protocol."""
        if self._model is None and self._first and self._first.accepted:
            return self._first.model
        return self._model

    @property
    def inter_token(self) -> float | None:
        """See the protocol."""
        pauses = self.transcript.pieces - self._replies
        return self._speaking / pauses if self._replies and pauses > 0 else None

    @property
    def paid_models(self) -> Sequence[str]:
        """The model, once for all rounds, as soon as it has accepted the question; none where it failed before it had
        said anything."""
        return (self.model,) if self.model and not self._failed else ()

    @property
    def phases(self) -> Mapping[str, float]:
        """See the protocol."""
        return self._first.phases if self._first else {}

    def prepare(self, source: GenerationInput) -> None:
        """Look up the agent's knowledge and wait until the model begins to answer. Raises ChatError.

        One that has accepted the prompt and says nothing for a heartbeat is waited for by `run`, whose caller hears
        keep-alives meanwhile.
        """
        self.set_source(source)
        self.connecting = True
        try:
            self._passages = self._search()
            self._connection = self._connect()
            for _ in self._connection:
                if self._first and self._first.accepted:
                    break
        except Exception:
            self._failed = not self.cancelled
            raise
        finally:
            self.connecting = False

    def set_source(self, source: GenerationInput) -> None:
        """In place of `prepare`, for a step of a workflow, whose caller waits for heartbeats already: `run` connects to
        the model, and no knowledge is looked up."""
        self._messages, self._order = source.messages, source.order
        if source.resumed:
            parts, request_id = source.resumed.parts, self._question.request_id
            self.transcript = Transcript(self._engine.answer_bytes, parts, request_id=request_id)

    def run(self) -> Iterator[Batch]:
        try:
            for round_number in range(self._question.agent.max_rounds):
                connects = round_number or self._stream is None
                yield from self._connect() if connects else self._connection
                self._connection = _NO_CONNECTION
                calls: list[ToolCalled] = []
                passages = () if round_number else self._passages
                yield [RoundStarted(), *self._sources.given(passages)]
                yield from self._read(calls)
                server_calls = [call for call in calls if call.name not in self._client_tools]
                if server_calls:
                    self._calls.check_loop(server_calls)
                    yield from self._call(server_calls)
                yield [*self.end_parts(), *(() if calls else self._used_sources()), RoundFinished()]
                if len(server_calls) < len(calls):
                    self.finish_reason = "tool-calls"  # the caller runs the others
                    return
                if not calls:
                    return
            raise ChatError(Problem.UPSTREAM_FAILED, "The model called tools without end")
        except Exception:
            self._failed = not (self.cancelled or self._has_said_anything())
            raise

    def shorten(self, take: TakesText) -> None:
        """See the protocol."""
        self._shortcut = take

    def _take(self, text: str) -> bool | None:
        """A token's short way; `_read` is the long one, for whatever does more than go on."""
        return self._shortcut(text) if self._framing.goes_on_with(text) and not self.cancelled else None

    def end_parts(self) -> Sequence[Event]:
        return self._framing.close()

    @property
    def is_thinking(self) -> bool:
        """Whether the model's thoughts are told, and have not ended."""
        return self._framing.is_thinking

    def cancel(self, error: ChatError) -> None:
        self.cancelled = self.cancelled or error
        self.close()

    def close(self) -> None:
        if self._stream:
            self._stream.close()

    def _has_said_anything(self) -> bool:
        """Whether there are words or calls; thoughts that led to none are nothing."""
        parts = self.transcript.message().parts if self.first_token else ()
        return any(isinstance(part, TextPart | ToolCallPart) for part in parts)

    def _search(self) -> Sequence[Passage]:
        """The passages of the agent's knowledge that fit the question; none where the model has a tool to search."""
        agent = self._question.agent
        if not agent.knowledge or "knowledge" in agent.tools:
            return ()
        return self._engine.knowledge.search(agent, last_question(self._messages))

    def _used_sources(self) -> Sequence[Event]:
        """Where the model has not said that it knows nothing."""
        said = self.transcript.message().text
        return () if self.mark else self._sources.used(last_question(self._messages), said)

    def _connect(self) -> Iterator[Batch]:
        """Send the prompt; empty batches until the model begins to answer. Raises ChatError."""
        if self.cancelled:
            raise self.cancelled
        question, so_far = self._question, self.transcript.message()
        spent = self.usage.completion_tokens
        prompt = prompt_of(
            self._engine, question, self._messages, self._passages, so_far, order=self._order, spent=spent
        )
        models = self._engine.models[question.agent.models]
        self._stream = stream = models.ask(prompt, self._engine.heartbeat, self._model)
        self._first = self._first or stream
        yield from stream.connect()
        if self.cancelled:
            raise self.cancelled
        self._model = self.transcript.model = stream.model

    def _read(self, calls: list[ToolCalled]) -> Iterator[Batch]:
        """The model's output in this round; appends its tool calls to `calls`. Every token passes through here, but for
        those that `_take` takes."""
        frame, finished, stream = self._framing.frame, None, self._current_stream()
        speaks_since: float | None = None
        stream.shorten(self._take)
        try:
            for chunks in stream:
                if not chunks:
                    yield chunks
                    continue
                last = chunks[-1]
                if type(last) is ModelFinished:
                    finished, chunks = last, chunks[:-1]  # noqa: PLW2901 - nothing else wants it
                events = frame(chunks)
                if events:
                    if events is not chunks:  # more than the next deltas of a text
                        events = [self._received(event, stream.identity, calls) for event in events]
                        speaks_since = speaks_since or monotonic()
                        self.first_token = self.first_token or speaks_since
                    yield events
        except ModelError as error:
            stream.ended(error)
            raise
        if self.cancelled:
            raise self.cancelled
        if finished is None:
            raise ChatError(Problem.UPSTREAM_FAILED)
        if speaks_since:
            self._replies, self._speaking = self._replies + 1, self._speaking + monotonic() - speaks_since
        stream.ended(None)
        self._model = self.transcript.model = stream.model
        self.finish_reason, self.mark = finished.finish_reason, finished.mark
        self.usage += finished.usage

    def _received(self, event: Event, model: str, calls: list[ToolCalled]) -> Event:
        """The event with the identity of the model in its metadata; a tool call, identified, is appended to `calls`."""
        if isinstance(event, ReasoningEnded | ReasoningIdentified | ToolCalled):
            if event.metadata:
                event = replace(event, metadata=replace(event.metadata, model=model))
            if isinstance(event, ToolCalled):
                event = self._calls.identified(event)
                calls.append(event)
        return event

    def _call(self, calls: Sequence[ToolCalled]) -> Iterator[Batch]:
        """Run the calls: their results, each with its sources, and heartbeats meanwhile."""
        ended = self.end_parts()
        if ended:
            yield ended  # before the results: the text so far was written without them
        refused, known = self._calls.refused(calls), self._calls.known(calls)
        if refused:
            yield refused
        if known:
            context = ToolContext(self._question.agent, self._question.user_id, self._question.taker.name)
            self._stream = self._engine.toolbox.run(context, known, self._engine.heartbeat)
            for batch in self._current_stream():
                yield [*batch, *self._sources.returned(batch)]
        if self.cancelled:
            raise self.cancelled

    def _current_stream(self) -> Any:
        """The stream of the model or the tools; closed already where the turn was cancelled while it was opened."""
        assert self._stream
        if self.cancelled:
            self._stream.close()
        return self._stream
