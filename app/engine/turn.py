"""One question and its answer: from the committed question to the committed answer."""

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from app.engine.errors import ChatError, Problem
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
from app.engine.live import LiveTurns
from app.engine.messages import Answer, FinishReason, Message, Status, Usage, said
from app.engine.ports import (
    Agent,
    Chunk,
    Conversation,
    ConversationRef,
    Conversations,
    Model,
    ModelFinished,
    Options,
    Prompt,
    Stream,
    Toolbox,
)
from app.engine.transcript import Transcript

log = logging.getLogger(__name__)

MAX_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Engine:
    """What every turn shares."""

    models: Mapping[str, Model]
    toolbox: Toolbox
    conversations: Conversations
    live: LiveTurns
    heartbeat: float


@dataclass(frozen=True, slots=True)
class Question:
    """What a dialect asks the engine. The last message is the user's; `history` is how many stored messages the
    model sees before the new ones."""

    agent: Agent
    conversation: ConversationRef
    messages: Sequence[Message]
    request_id: str
    options: Options = field(default_factory=Options)
    history: int = 0


class Turn:
    """Use: `begin`, then iterate `run` to its end; `close` in any case, once or more."""

    def __init__(self, engine: Engine, question: Question) -> None:
        self.question = question
        self.status: Status | None = None
        self.usage = Usage()
        self.started = monotonic()
        self.first_token: float | None = None
        self._engine = engine
        self._conversation: Conversation | None = None
        self._answer_id = uuid.uuid4().hex
        self._question_ids = [uuid.uuid4().hex for _ in question.messages]
        self._history: Sequence[Message] = ()
        self._stream: Stream[Any] | None = None
        self._cancelled: ChatError | None = None
        self._framing = Framing()
        self._transcript = Transcript()
        self._finish_reason: FinishReason = "other"

    @property
    def text(self) -> str:
        """The text that has been said so far."""
        return self._transcript.message().text

    def begin(self) -> None:
        """Commit the question and open the model.

        Raises ChatError: BUSY, OVERLOADED, or what the model refuses with. Nothing has been said by then.
        """
        store, question = self._engine.conversations, self.question
        found = store.find(question.conversation) if question.conversation.external_id else None
        conversation = found or Conversation(uuid.uuid4().hex, question.conversation, is_new=True)
        self._engine.live.admit(conversation.id, self)
        self._conversation = conversation
        try:
            new = dict(zip(self._question_ids, question.messages, strict=True))
            self._history = store.add_question(conversation, new, question.history)
        except BaseException:
            self.status = "failed"  # nothing to record: the question was not accepted
            self.close()
            raise
        try:
            self._open_model()
        except BaseException:
            self._finish_reason = "error"
            self._record_if_possible("failed")
            self.close()
            raise

    def run(self) -> Iterator[Batch]:
        """Batches of events, the last of which ends in TurnFinished or TurnFailed."""
        assert self._conversation, "begin() comes first"
        try:
            yield [TurnStarted(self._conversation.id, self._question_ids[-1], self._answer_id)]
            try:
                for batch in self._answer():
                    self._transcript.add(batch)
                    yield batch
                self._record("complete")
                ending: Event = TurnFinished(
                    self._transcript.message(), self._finish_reason, self.usage, self._conversation.id
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
        if self._conversation and self.status is None:
            self._record_if_possible("interrupted")
        if self._conversation:
            self._engine.live.leave(self._conversation.id)
            self._conversation = None

    def _answer(self) -> Iterator[Batch]:
        for round_number in range(MAX_ROUNDS):
            if round_number:
                self._open_model()
            calls: list[ToolCalled] = []
            yield [StepStarted()]
            yield from self._listen(calls)
            if calls:
                yield from self._call(calls)
            yield [*self._framing.close(), StepFinished()]
            if not calls:
                return
        raise ChatError(Problem.UPSTREAM_FAILED, "The model called tools without end")

    def _open_model(self) -> None:
        messages = [*self._history, *self.question.messages]
        if self.question.agent.instructions and not any(m.role == "system" for m in messages):
            messages.insert(0, said("system", self.question.agent.instructions))
        so_far = self._transcript.message()
        if so_far.parts:
            messages.append(so_far)
        prompt = Prompt(
            self.question.agent,
            messages,
            self.question.options.within(self.question.agent, self.usage.completion_tokens),
        )
        model = self._engine.models[self.question.agent.model]
        self._stream = model.open(prompt, self._engine.heartbeat)

    def _listen(self, calls: list[ToolCalled]) -> Iterator[Batch]:
        """One round with the model; puts the tool calls it makes into `calls`."""
        finished = False
        stream: Stream[Chunk] = self._opened()
        for chunks in stream:
            said_now: list[Any] = []
            for chunk in chunks:
                if isinstance(chunk, ModelFinished):
                    finished = True
                    self._finish_reason = chunk.finish_reason
                    self.usage += chunk.usage
                else:
                    said_now.append(chunk)
                    if isinstance(chunk, ToolCalled):
                        calls.append(chunk)
            events = self._framing.frame(said_now)
            if events and self.first_token is None:
                self.first_token = monotonic()
            if events or not chunks:
                yield events
        if self._cancelled:
            raise self._cancelled
        if not finished:
            raise ChatError(Problem.UPSTREAM_FAILED)

    def _call(self, calls: Sequence[ToolCalled]) -> Iterator[Batch]:
        """Run the tools; an empty batch while they are silent."""
        ended = self._framing.close()
        if ended:
            yield ended  # before the results: what was said was said without knowing them
        self._stream = self._engine.toolbox.run(self.question.agent, calls, self._engine.heartbeat)
        yield from self._opened()
        if self._cancelled:
            raise self._cancelled

    def _opened(self) -> Stream[Any]:
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
        assert self._conversation
        answer = Answer(self._transcript.message(), status, self._finish_reason, self.usage, self.question.agent.model)
        self.status = status
        self._engine.conversations.add_answer(self._conversation.id, self._answer_id, answer)
