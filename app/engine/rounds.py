"""The rounds of an answer: the model speaks, its tool calls run, it speaks again."""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any

from app.engine.engine import Engine, Question
from app.engine.errors import ChatError, ModelError, Problem
from app.engine.events import Batch, Event, RoundFinished, RoundStarted, SourceFound, ToolCalled, ToolReturned
from app.engine.framing import Framing
from app.engine.generation import GenerationInput
from app.engine.messages import FinishReason, Message, ToolCallPart, Usage, is_too_deep
from app.engine.ports import ModelFinished, Passage, Prompt, Stream, ToolContext, ToolSpec
from app.engine.prompt import assemble
from app.engine.transcript import Transcript

MAX_REPEATS = 2  # of the same call with the same arguments; once more, and the model is in a loop


class Rounds:
    """Implements `Generation`."""

    def __init__(self, engine: Engine, question: Question) -> None:
        self.transcript = Transcript()
        self.usage = Usage()
        self.finish_reason: FinishReason = "other"
        self.first_token: float | None = None
        self.model: str | None = None
        self.opening = False
        self.cancelled: ChatError | None = None
        self._framing = Framing()
        self._engine = engine
        self._question = question
        self._messages: Sequence[Message] = ()
        self._passages: Sequence[Passage] = ()
        self._stream: Stream[Any] | None = None
        self._calls: Counter[tuple[str, str]] = Counter()
        theirs: Sequence[ToolSpec] = question.agent.client_tools if question.runs_tools else ()
        self._client_tools = {tool.name: tool for tool in theirs}

    def open(self, opening: GenerationInput) -> None:
        """Wait until the model begins to answer. Raises ChatError."""
        self.start(opening)
        self.opening = True
        try:
            self._passages = self._look_up()
            for _ in self._ask():
                pass
        finally:
            self.opening = False

    def start(self, opening: GenerationInput) -> None:
        """In the place of `open`, for a caller who hears of an answer already: `run` asks, with heartbeats meanwhile.
        Nothing is looked up."""
        self._messages = opening.messages
        if opening.resumed:
            self.transcript = Transcript(opening.resumed.parts)

    @property
    def asked(self) -> str:
        """The text of the user's last message."""
        messages = self._messages or self._question.messages
        return next((message.text for message in reversed(messages) if message.role == "user"), "")

    def run(self) -> Iterator[Batch]:
        for round_number in range(self._question.agent.max_rounds):
            if round_number or self._stream is None:
                yield from self._ask()
            calls: list[ToolCalled] = []
            found = () if round_number else self._passages
            yield [RoundStarted(), *(SourceFound(passage.source, passage.title) for passage in found)]
            yield from self._listen(calls)
            ours = [call for call in calls if call.name not in self._client_tools]
            if ours:
                self._break_loop(ours)
                yield from self._call(ours)
            yield [*self.end_parts(), RoundFinished()]
            if len(ours) < len(calls):
                self.finish_reason = "tool-calls"  # the caller's turn
                return
            if not calls:
                return
        raise ChatError(Problem.UPSTREAM_FAILED, "The model called tools without end")

    def end_parts(self) -> Sequence[Event]:
        return self._framing.close()

    def cancel(self, error: ChatError) -> None:
        self.cancelled = self.cancelled or error
        self.close()

    def close(self) -> None:
        if self._stream:
            self._stream.close()

    def _look_up(self) -> Sequence[Passage]:
        """What an agent with knowledge knows of the question; one that has the tool for it looks for itself."""
        agent = self._question.agent
        if not agent.knowledge or "knowledge" in agent.tools:
            return ()
        return self._engine.knowledge.search(agent, self.asked)

    def _ask(self) -> Iterator[Batch]:
        """Empty batches until the model begins to answer. Raises ChatError."""
        if self.cancelled:
            raise self.cancelled
        agent = self._question.agent
        messages = assemble(agent, self._messages, self._passages)
        so_far = self.transcript.message()
        if so_far.parts:
            messages.append(so_far)
        options = self._question.options.within(agent, self.usage.completion_tokens)
        prompt = Prompt(agent, messages, options, [*self._engine.toolbox.specs(agent), *self._client_tools.values()])
        self._stream = stream = self._engine.models[agent.models].ask(prompt, self._engine.heartbeat, self.model)
        yield from stream.open()
        if self.cancelled:
            raise self.cancelled
        self.model = stream.model

    def _listen(self, calls: list[ToolCalled]) -> Iterator[Batch]:
        """One round with the model; puts the tool calls it makes into `calls`. Every token comes through here."""
        frame, finished, stream = self._framing.frame, None, self._opened()
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
                    if events is not chunks:  # more than text that goes on
                        events = [self._named(event, calls) if type(event) is ToolCalled else event for event in events]
                        self.first_token = self.first_token or monotonic()
                    yield events
        except ModelError as error:
            stream.ended(error)
            raise
        if self.cancelled:
            raise self.cancelled
        if finished is None:
            raise ChatError(Problem.UPSTREAM_FAILED)
        stream.ended(None)
        self.finish_reason = finished.finish_reason
        self.usage += finished.usage

    def _named(self, call: ToolCalled, calls: list[ToolCalled]) -> ToolCalled:
        """The call, put into the round's `calls`, under an id that nothing else in the conversation has: some models
        count anew with each answer or call all the same, and callers find a call by its id. Raises ChatError."""
        if is_too_deep(call.args):
            raise ChatError(Problem.UPSTREAM_FAILED)
        messages = (*self._messages, self.transcript.message())
        known = {part.call_id for message in messages for part in message.parts if isinstance(part, ToolCallPart)}
        if call.call_id in known.union(earlier.call_id for earlier in calls):
            call = replace(call, call_id=f"{call.call_id}_{uuid.uuid4().hex[:8]}")
        calls.append(call)
        return call

    def _break_loop(self, calls: Sequence[ToolCalled]) -> None:
        """Raises ChatError where the model makes the same call over and over."""
        for call in calls:
            self._calls[call.name, repr(sorted(call.args.items()))] += 1
        if max(self._calls.values()) > MAX_REPEATS:
            raise ChatError(Problem.TOOL_LOOP)

    def _call(self, calls: Sequence[ToolCalled]) -> Iterator[Batch]:
        """Run the tools; an empty batch while they are silent."""
        ended = self.end_parts()
        if ended:
            yield ended  # before the results: what was said was said without knowing them
        context = ToolContext(self._question.agent, self._question.user_id)
        self._stream = self._engine.toolbox.run(context, calls, self._engine.heartbeat)
        for batch in self._opened():
            yield [*batch, *sources(batch)]
        if self.cancelled:
            raise self.cancelled

    def _opened(self) -> Any:
        """The stream that runs now; closed already where the turn was cancelled while it opened."""
        assert self._stream
        if self.cancelled:
            self._stream.close()
        return self._stream


def sources(batch: Sequence[ToolReturned]) -> Iterator[SourceFound]:
    """The sources that a search of the agent's knowledge came back with."""
    for returned in batch:
        if returned.name == "knowledge" and not returned.is_error and isinstance(returned.result, Mapping):
            for passage in returned.result.get("passages", ()):
                yield SourceFound(passage["source"], passage["title"])
