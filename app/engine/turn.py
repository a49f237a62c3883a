"""One turn: commits a question, has its answer made, commits the answer, and only then yields the last event."""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from time import monotonic

from app.engine.audience import Audience
from app.engine.conversation import QuestionEntry, StoredQuestion
from app.engine.engine import Engine, Plan
from app.engine.errors import ChatError, Problem, RepeatedError, StoreError
from app.engine.events import Batch, Event, TextDelta, TurnFailed, TurnFinished, TurnStarted
from app.engine.generation import Generation, GenerationInput
from app.engine.messages import AnswerRecord, Mark, Status, last_question
from app.engine.question import Question
from app.engine.recognition import recognized
from app.engine.replay import Snapshot
from app.engine.rounds import Rounds
from app.language.handover import asks_for_a_person

log = logging.getLogger(__name__)


class Turn:
    """Use: `begin`, then iterate `run` to its end; in any case `close`, which may be called more than once.

    - `status`: of the answer, once it is recorded; "failed" also where the question was refused or the answer could not
      be stored; None before.
    - `credits`: what the answer has cost, once it is recorded.
    - `started`: when the turn was created, in seconds of the monotonic clock.
    - `error`: with which it ended, where it did not end well and its caller was there to be told.
    - `generation`: what makes the answer, with its usage, model and transcript.
    - `interrupt`: called where the turn is cancelled while it waits for its model in `begin`, which is to raise the
      error then.
    - `audience`: who listens beside the caller. All listeners hear the last event, however the turn ends.

    The agent's plan makes the answer, if it has one, else a model's rounds; a `plan` that is passed precedes both.
    """

    def __init__(self, engine: Engine, question: Question, plan: Plan | None = None) -> None:
        self.question = question
        self.status: Status | None = None
        self.credits = 0
        self.started = monotonic()
        self.error: ChatError | None = None
        self.audience = Audience()
        self.interrupt: Callable[[ChatError], None] = lambda _error: None
        plan = plan or engine.plans.get(question.agent.id)
        self.generation: Generation = plan.generation(engine, question) if plan else Rounds(engine, question)
        self._engine = engine
        self._charge = question.charge(engine.prices, plan.most_paid if plan else 1)
        self._entered = False  # among the running turns
        self._admitted: str | None = None  # the conversation's id, once it is this turn's
        self._stored: StoredQuestion | None = None
        self._source: GenerationInput | None = None
        self._last: Event | None = None
        self._ending: Batch = ()  # once it has ended: the last batch

    @property
    def answer_id(self) -> str | None:
        """Of the answer, once its question is stored."""
        return self._source.answer_id if self._source else None

    @property
    def question_text(self) -> str:
        """The text of the question; "" for one that is stored already, before `begin` has loaded it."""
        return last_question(self._source.messages if self._source else self.question.messages)

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self.generation.cancelled is not None

    @property
    def first_event(self) -> TurnStarted:
        """Once the question is stored."""
        stored, source = self._stored, self._source
        assert stored, "begin() comes first"
        assert source
        return TurnStarted(
            source.conversation_id,
            stored.question_id,
            source.answer_id,
            stored.end_user,
            stored.created_at,
            self.generation.model,
        )

    @property
    def said_bytes(self) -> int:
        """How much the answer has said by now, roughly: it grows with whatever it says."""
        return self.generation.transcript.added_bytes

    @cached_property
    def _asks_for_a_person(self) -> bool:
        """Once the question is stored. A look at a long one takes a millisecond, and answers are recorded every few
        seconds."""
        return asks_for_a_person(self.question_text)

    def record_so_far(self) -> AnswerRecord:
        """The answer as it would be stored if it were broken off now."""
        return self._answer("interrupted")

    @property
    def snapshot(self) -> Snapshot:
        """What the answer has said by now."""
        return self.generation.transcript.snapshot()

    def begin(self) -> None:
        """Commit the question and prepare the generation, which waits until a model begins to answer.

        Raises ChatError: what `Conversations.add_question` and `RunningTurns` raise, or the model's
        refusal; and RepeatedError. No event has been yielded by then, and the turn is closed.
        """
        entry = self._entry()
        try:
            self._engine.running_turns.enter(self.question.taker, self.question.request_key)
        except ChatError:
            self.refuse_repeated()  # who joins an answer takes no place
            raise
        self._entered = True
        try:
            stored = self._engine.conversations.add_question(entry, self._admit)
        except BaseException as error:
            if self._admitted and _may_be_stored(error):
                with suppress(Exception):
                    self._engine.conversations.abandon(entry)
            self.status = "failed"  # nothing to record: the question was not accepted
            self.error = error if isinstance(error, ChatError) else None
            self.close()
            raise
        assert self._admitted
        brought = self.question.client_history
        seen = stored.messages if brought is None else recognized(brought, stored.messages)
        resumed = stored.resumed or self.question.so_far
        self._stored, self._source = stored, GenerationInput(self._admitted, stored.answer_id, seen, resumed)
        try:
            self.generation.prepare(self._source)
        except BaseException as error:
            self.error = error if isinstance(error, ChatError) else None
            self._last = TurnFailed(self.error or ChatError(Problem.INTERNAL))  # who asks the same meanwhile listens
            self._record_failure()
            self.close()
            raise

    def refuse_repeated(self) -> None:
        """Raises RepeatedError where the same was asked before with the question's request key."""
        self._engine.conversations.refuse_repeated(self._entry())

    def run(self) -> Iterator[Batch]:
        """Batches of events; the last event is TurnFinished or TurnFailed. An empty batch is a heartbeat."""
        stored, source, generation = self._stored, self._source, self.generation
        assert stored, "begin() comes first"
        assert source
        add, listeners, hear = generation.transcript.add, self.audience.listeners, self.audience.hear
        try:
            yield [self.first_event]
            try:
                for batch in generation.run():
                    add(batch)
                    if listeners:
                        hear(batch)
                    yield batch
                answer = self._record("complete")
                self._last = TurnFinished(
                    answer.message,
                    answer.finish_reason,
                    answer.usage + stored.usage_before,
                    source.conversation_id,
                    answer.credits + stored.cost_before,
                    answer.model,
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets the terminator
                self._last = TurnFailed(self._fail(error))
            self.close()  # before the last event: its reader may ask the next question at once
            yield self._ending
        finally:
            self.close()

    def shorten(self, send: Callable[[Batch], bool]) -> None:
        """From now on batches that come while the greenlet of `run` waits may be sent so, by the event loop, instead of
        coming out of it: to wake it for each token costs more than all that is done with one. `send` must not wait; it
        is done with a batch, and returns False where the greenlet is to be woken, by an empty batch."""

        def take(text: str) -> bool | None:
            if not has_room(len(text)):
                return None
            batch = [TextDelta(text)]
            add(batch)
            if listeners:
                hear(batch)
            return send(batch)

        transcript, listeners, hear = self.generation.transcript, self.audience.listeners, self.audience.hear
        add, has_room = transcript.add, transcript.has_room
        self.generation.shorten(take)

    def cancel(self, error: ChatError) -> None:
        """End the turn from any greenlet: the model's stream is closed at once, `run` ends with TurnFailed(error), and
        what was said is stored as interrupted."""
        self.generation.cancel(error)
        if self.generation.connecting:
            self.interrupt(error)

    def close(self) -> None:
        """Release everything that the turn holds. An answer that is not recorded yet is recorded as interrupted."""
        try:
            self.generation.close()
            if self._source and self.status is None:
                self._record_if_possible("interrupted")
        finally:  # also where this greenlet is ended meanwhile
            if self._entered:
                self._entered = False
                self._engine.running_turns.leave(self.question.taker, self._admitted, self.question.request_key)
            if not self._ending:
                self._ending = [*self.generation.end_parts(), self._last or TurnFailed(ChatError(Problem.LEFT))]
                self.audience.hear(self._ending)

    def _entry(self) -> QuestionEntry:
        question = self.question
        return QuestionEntry(
            conversation=question.conversation,
            messages={uuid.uuid4().hex: message for message in question.messages},
            history=question.history,
            answer_id=uuid.uuid4().hex,
            external_id=question.external_id,
            rewind=question.rewind,
            charge=self._charge,
            posted=question.posted,
            history_tokens=question.agent.history_tokens,
            request_key=question.request_key,
            said_before=len(question.so_far.parts) if question.so_far else 0,
            answered_before=question.answered_before,
            kept=question.kept,
        )

    def _admit(self, conversation_id: str) -> None:
        """Called in the store's thread."""
        self._engine.running_turns.claim(conversation_id, self)
        self._admitted = conversation_id

    def _fail(self, error: Exception) -> ChatError:
        """Record the answer as failed and return what the caller is shown: an error that is no ChatError is logged, and
        shown as an internal one."""
        if not isinstance(error, ChatError):
            log.error("turn failed", exc_info=error, extra={"request_id": self.question.request_id})
            error = ChatError(Problem.INTERNAL)
        self.error = error
        if self.status is None:
            self._record_failure()
        else:
            self.status = "failed"  # it is the answer that could not be stored
        return error

    def _record_failure(self) -> None:
        """Record the answer as interrupted where the turn was cancelled, else as failed."""
        cancelled = self.generation.cancelled
        self.generation.finish_reason = "other" if cancelled else "error"
        self._record_if_possible("interrupted" if cancelled else "failed")

    def _record_if_possible(self, status: Status) -> None:
        """Record an answer that has failed already; that it cannot be stored goes to the log."""
        try:
            self._record(status)
        except Exception as error:
            if isinstance(error, ChatError) and error.problem is Problem.LOST:
                return  # with its conversation, usually
            log.exception("answer not stored", extra={"request_id": self.question.request_id})

    def _record(self, status: Status) -> AnswerRecord:
        """Store the answer. It costs the full price of each model that has to be paid (`Generation.paid_models`).

        Where it cannot be stored the turn has failed; the store keeps the answer, as it is, for its next chance.
        """
        source = self._source
        assert source
        answer = self._answer(status)
        self.status, self.credits = status, answer.credits
        self._engine.conversations.add_answer(source.conversation_id, source.answer_id, answer, self._charge)
        return answer

    def _answer(self, status: Status) -> AnswerRecord:
        generation = self.generation
        mark: Mark | None = "handover" if self._asks_for_a_person else generation.mark
        price = sum(self._engine.prices[model] for model in generation.paid_models)
        reason, usage, model = generation.finish_reason, generation.usage, generation.model
        said, goes_on = generation.transcript.message(), self.question.goes_on
        return AnswerRecord(said, status, reason, usage, model, price, mark, goes_on)


def _may_be_stored(error: BaseException) -> bool:
    """Whether the question may be there although its commit has raised this: something else is the end of this
    greenlet, say, which waited, or the store has not answered."""
    if isinstance(error, StoreError):
        return error.uncertain
    return not isinstance(error, ChatError | RepeatedError)
