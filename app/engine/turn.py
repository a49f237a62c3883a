"""One question and its answer: from the committed question to the committed answer."""

import logging
import uuid
from collections.abc import Iterator
from time import monotonic

from app.engine.conversation import Entry
from app.engine.engine import Engine, Question
from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, TurnFailed, TurnFinished, TurnStarted
from app.engine.generation import Generation, GenerationInput
from app.engine.messages import AnswerRecord, Status, Usage
from app.engine.rounds import Rounds

log = logging.getLogger(__name__)


class Turn:
    """Use: `begin`, then iterate `run` to its end; `close` in any case, once or more."""

    def __init__(self, engine: Engine, question: Question) -> None:
        self.question = question
        self.status: Status | None = None
        self.started = monotonic()
        self._engine = engine
        plan = question.plan or engine.plans.get(question.agent.id)
        self._answering: Generation = plan.answering(engine, question) if plan else Rounds(engine, question)
        self._charge = question.charge(engine.prices)
        self._conversation_id: str | None = None
        self._question_id = ""
        self._answer_id = uuid.uuid4().hex
        self._resumed = False
        self._said_before = 0  # parts of the answer that are older than this turn
        self._cost_before = 0  # what these have cost
        self._end_user: str | None = None

    @property
    def text(self) -> str:
        """The text that has been said so far."""
        return self._answering.transcript.message().text

    @property
    def asked(self) -> str:
        """The text of the question, also where it was asked earlier."""
        return self._answering.asked

    @property
    def usage(self) -> Usage:
        return self._answering.usage

    @property
    def model(self) -> str | None:
        return self._answering.model

    @property
    def first_token(self) -> float | None:
        return self._answering.first_token

    @property
    def opening(self) -> bool:
        """Whether it waits for knowledge, or a model to accept the question; `cancel` may not reach into that."""
        return self._answering.opening

    def begin(self) -> None:
        """Commit the question and open the model.

        Raises ChatError: what the store refuses with, BUSY, OVERLOADED, or what the model refuses with. Nothing has
        been said by then.
        """
        question = self.question
        self._engine.live.check_room()
        entry = Entry(
            conversation=question.conversation,
            messages={uuid.uuid4().hex: message for message in question.messages},
            history=question.history,
            external_id=question.external_id,
            rewind=question.rewind,
            charge=self._charge,
        )
        try:
            opened = self._engine.conversations.add_question(entry, self._admit)
        except BaseException:
            self.status = "failed"  # nothing to record: the question was not accepted
            self.close()
            raise
        self._question_id, self._end_user = opened.question_id, opened.end_user
        self._cost_before = opened.cost_before
        so_far = None
        if opened.resumed:
            self._resumed = True
            self._answer_id, so_far = opened.resumed
            self._said_before = len(so_far.parts)
        messages = opened.messages if question.client_history is None else question.client_history
        try:
            assert self._conversation_id
            self._answering.open(GenerationInput(self._conversation_id, self._answer_id, messages, so_far))
        except BaseException:
            self._record_end()
            self.close()
            raise

    def _admit(self, conversation_id: str) -> None:
        self._engine.live.admit(conversation_id, self)
        self._conversation_id = conversation_id

    def run(self) -> Iterator[Batch]:
        """Batches of events, the last of which ends in TurnFinished or TurnFailed."""
        conversation_id, answering = self._conversation_id, self._answering
        assert conversation_id, "begin() comes first"
        note = answering.transcript.add
        try:
            yield [TurnStarted(conversation_id, self._question_id, self._answer_id, self._end_user)]
            try:
                for batch in answering.run():
                    note(batch)
                    yield batch
                answer = self._record("complete")
                ending: Event = TurnFinished(
                    answer.message,
                    answer.finish_reason,
                    answer.usage,
                    conversation_id,
                    answer.credits + self._cost_before,
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets the terminator
                ending = TurnFailed(self._fail(error))
            self.close()  # before the end is told: who has heard it may ask the next question at once
            yield [*answering.end_parts(), ending]
        finally:
            self.close()

    def cancel(self, error: ChatError) -> None:
        """End the turn from outside: what runs upstream is closed at once, what was said is kept as interrupted."""
        self._answering.cancel(error)

    def close(self) -> None:
        """Release everything the turn holds; an answer that is not recorded yet is recorded as interrupted."""
        self._answering.close()
        if self._conversation_id and self.status is None:
            self._record_if_possible("interrupted")
        if self._conversation_id:
            self._engine.live.leave(self._conversation_id)
            self._conversation_id = None

    def _fail(self, error: Exception) -> ChatError:
        """Record what was said and name the failure; what is not a ChatError is logged and reads as internal."""
        if not isinstance(error, ChatError):
            log.error("turn failed", exc_info=error, extra={"request_id": self.question.request_id})
            error = ChatError(Problem.INTERNAL)
        self._record_end()
        return error

    def _record_end(self) -> None:
        """Of an answer that did not come to its own end."""
        cancelled = self._answering.cancelled
        self._answering.finish_reason = "other" if cancelled else "error"
        self._record_if_possible("interrupted" if cancelled else "failed")

    def _record_if_possible(self, status: Status) -> None:
        """For an answer that has failed already: that it cannot be stored either goes to the log."""
        try:
            self._record(status)
        except Exception:
            log.exception("answer not stored", extra={"request_id": self.question.request_id})

    def _record(self, status: Status) -> AnswerRecord:
        """Store the answer. It costs its model's price in full once anything of it was said, and nothing before."""
        assert self._conversation_id
        answering = self._answering
        message = answering.transcript.message()
        price = self._engine.prices.get(answering.model or "", 0) if len(message.parts) > self._said_before else 0
        answer = AnswerRecord(message, status, answering.finish_reason, answering.usage, answering.model, price)
        self.status = status
        self._engine.conversations.add_answer(
            self._conversation_id, self._answer_id, answer, self._charge, resumed=self._resumed
        )
        return answer
