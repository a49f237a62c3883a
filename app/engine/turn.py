"""One question and its answer: from the committed question to the committed answer."""

import logging
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

from app.engine.engine import Engine, Question
from app.engine.errors import ChatError, ModelError, Problem
from app.engine.events import (
    Batch,
    Event,
    StepFinished,
    StepStarted,
    ToolCalled,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.framing import Framing
from app.engine.messages import Answer, FinishReason, Message, Status, Usage
from app.engine.ports import (
    ModelFinished,
    Passage,
    Prompt,
    Stream,
)
from app.engine.prompt import assemble
from app.engine.transcript import Transcript

log = logging.getLogger(__name__)

MAX_REPEATS = 2  # of the same call with the same arguments; once more, and the model is in a loop


class Turn:
    """Use: `begin`, then iterate `run` to its end; `close` in any case, once or more."""

    def __init__(self, engine: Engine, question: Question) -> None:
        self.question = question
        self.status: Status | None = None
        self.usage = Usage()
        self.started = monotonic()
        self.first_token: float | None = None
        self.model: str | None = None
        self.opening = False  # whether it waits for a model to accept the question; `cancel` cannot reach into that
        self._engine = engine
        self._conversation_id: str | None = None
        self._answer_id = uuid.uuid4().hex
        self._question_ids = [uuid.uuid4().hex for _ in question.messages]
        self._history: Sequence[Message] = ()
        self._stream: Stream[Any] | None = None
        self._cancelled: ChatError | None = None
        self._framing = Framing()
        self._transcript = Transcript()
        self._finish_reason: FinishReason = "other"
        self._passages: Sequence[Passage] = ()
        self._calls: Counter[tuple[str, str]] = Counter()

    @property
    def text(self) -> str:
        """The text that has been said so far."""
        return self._transcript.message().text

    def begin(self) -> None:
        """Commit the question and open the model.

        Raises ChatError: BUSY, OVERLOADED, or what the model refuses with. Nothing has been said by then.
        """
        question = self.question
        new = dict(zip(self._question_ids, question.messages, strict=True))
        self._engine.live.check_room()
        try:
            self._history = self._engine.conversations.add_question(
                question.conversation, new, question.history, self._admit
            )
        except BaseException:
            self.status = "failed"  # nothing to record: the question was not accepted
            self.close()
            raise
        try:
            self._passages = self._look_up()
            self._open_model()
        except BaseException:
            self._finish_reason = "error"
            self._record_if_possible("interrupted" if self._cancelled else "failed")
            self.close()
            raise

    def _admit(self, conversation_id: str) -> None:
        self._engine.live.admit(conversation_id, self)
        self._conversation_id = conversation_id

    def run(self) -> Iterator[Batch]:
        """Batches of events, the last of which ends in TurnFinished or TurnFailed."""
        assert self._conversation_id, "begin() comes first"
        try:
            yield [TurnStarted(self._conversation_id, self._question_ids[-1], self._answer_id)]
            try:
                for batch in self._answer():
                    self._transcript.add(batch)
                    yield batch
                self._record("complete")
                ending: Event = TurnFinished(
                    self._transcript.message(), self._finish_reason, self.usage, self._conversation_id
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets the terminator
                ending = TurnFailed(self._fail(error))
            self.close()  # before the end is told: who has heard it may ask the next question at once
            yield [*self._framing.close(), ending]
        finally:
            self.close()

    def cancel(self, error: ChatError) -> None:
        """End the turn from outside: what runs upstream is closed at once, what was said is kept as interrupted."""
        self._cancelled = self._cancelled or error
        if self._stream:
            self._stream.close()

    def close(self) -> None:
        """Release everything the turn holds; an answer that is not recorded yet is recorded as interrupted."""
        if self._stream:
            self._stream.close()
        if self._conversation_id and self.status is None:
            self._record_if_possible("interrupted")
        if self._conversation_id:
            self._engine.live.leave(self._conversation_id)
            self._conversation_id = None

    def _answer(self) -> Iterator[Batch]:
        for round_number in range(self.question.agent.max_rounds):
            if round_number:
                self._open_model()
            calls: list[ToolCalled] = []
            yield [StepStarted()]
            yield from self._listen(calls)
            if calls:
                self._break_loop(calls)
                yield from self._call(calls)
            yield [*self._framing.close(), StepFinished()]
            if not calls:
                return
        raise ChatError(Problem.UPSTREAM_FAILED, "The model called tools without end")

    def _look_up(self) -> Sequence[Passage]:
        """What an agent with knowledge knows of the question; one that has the tool for it looks for itself."""
        agent = self.question.agent
        if not agent.knowledge or "knowledge" in agent.tools:
            return ()
        return self._engine.knowledge.search(agent, self.question.messages[-1].text)

    def _open_model(self) -> None:
        if self._cancelled:
            raise self._cancelled
        agent = self.question.agent
        messages = assemble(agent, [*self._history, *self.question.messages], self._passages)
        so_far = self._transcript.message()
        if so_far.parts:
            messages.append(so_far)
        options = self.question.options.within(agent, self.usage.completion_tokens)
        prompt = Prompt(agent, messages, options, self._engine.toolbox.specs(agent))
        self.opening = True
        try:
            stream = self._engine.models[agent.id].open(prompt, self._engine.heartbeat)
        finally:
            self.opening = False
        self._stream, self.model = stream, stream.model

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
                        calls += [event for event in events if type(event) is ToolCalled]
                        self.first_token = self.first_token or monotonic()
                    yield events
        except ModelError as error:
            stream.ended(error)
            raise
        if self._cancelled:
            raise self._cancelled
        if finished is None:
            raise ChatError(Problem.UPSTREAM_FAILED)
        stream.ended(None)
        self._finish_reason = finished.finish_reason
        self.usage += finished.usage

    def _break_loop(self, calls: Sequence[ToolCalled]) -> None:
        """Raises ChatError where the model makes the same call over and over."""
        for call in calls:
            self._calls[call.name, repr(sorted(call.args.items()))] += 1
        if max(self._calls.values()) > MAX_REPEATS:
            raise ChatError(Problem.UPSTREAM_FAILED, "The model repeats a tool call without end")

    def _call(self, calls: Sequence[ToolCalled]) -> Iterator[Batch]:
        """Run the tools; an empty batch while they are silent."""
        ended = self._framing.close()
        if ended:
            yield ended  # before the results: what was said was said without knowing them
        self._stream = self._engine.toolbox.run(self.question.agent, calls, self._engine.heartbeat)
        yield from self._opened()
        if self._cancelled:
            raise self._cancelled

    def _opened(self) -> Any:
        """The stream that runs now; closed already where the turn was cancelled while it opened."""
        assert self._stream
        if self._cancelled:
            self._stream.close()
        return self._stream

    def _fail(self, error: Exception) -> ChatError:
        """Record what was said and name the failure; what is not a ChatError is logged and reads as internal."""
        if not isinstance(error, ChatError):
            log.error("turn failed", exc_info=error, extra={"request_id": self.question.request_id})
            error = ChatError(Problem.INTERNAL)
        self._finish_reason = "error"
        self._record_if_possible("interrupted" if self._cancelled else "failed")
        return error

    def _record_if_possible(self, status: Status) -> None:
        """For an answer that has failed already: that it cannot be stored either goes to the log."""
        try:
            self._record(status)
        except Exception:
            log.exception("answer not stored", extra={"request_id": self.question.request_id})

    def _record(self, status: Status) -> None:
        assert self._conversation_id
        answer = Answer(self._transcript.message(), status, self._finish_reason, self.usage, self.model)
        self.status = status
        self._engine.conversations.add_answer(self._conversation_id, self._answer_id, answer)
