"""Answers that could not be stored when they ended: kept in memory, and tried again until they are stored.

Meanwhile their rows run on: the conversation is busy, and what is held for the answer stays held. All of it ends with
the answer, or with the worker.

A PostgreSQL that is away may only be restarting: who waits for the end of an answer waits for it too.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import gevent
from gevent.event import Event as Signal

from app.engine.conversation import Charge, QuestionEntry, StoredQuestion
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord
from app.store.conversations import ConversationStore, answer_id_of
from app.store.database import Database
from app.store.faults import is_away
from app.store.late_questions import LateQuestions
from app.store.parts import parts_to_json
from app.store.runs import end_abandoned

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
PATIENCE_SECONDS = 15.0  # in all, before a caller is told that an answer is not stored
MOST_ANSWERS = 2000  # that wait: no question is taken then
MOST_BYTES = 64 * 2**20  # of their parts as JSON


@dataclass(slots=True)
class _Waiting:
    """`answer` is None where what was said is given up: only the row is still to be ended."""

    conversation_id: str
    answer_id: str
    answer: AnswerRecord | None
    charge: Charge | None
    size: int = 0
    is_stored: bool | None = None  # False where it is lost; None while nobody knows
    settled: Signal = field(default_factory=Signal)

    def settle(self, *, is_stored: bool | None) -> None:
        self.is_stored = is_stored
        self.settled.set()


class RetryingStore:
    """Implements the engine's `Conversations` port: a `ConversationStore` that loses no answer while its worker lives.

    An answer that cannot be stored is kept, at most MOST_ANSWERS and MOST_BYTES of them, and tried again every
    RETRY_SECONDS; the longest wait behind a database that works again is that and its own time limit. What exceeds
    MOST_BYTES, and what no database would take, is given up with a line in the log: such an answer is interrupted.

    A complete answer that finds its PostgreSQL away fails only where it is not stored within `patience` seconds.
    """

    def __init__(self, store: ConversationStore, database: Database, patience: float = PATIENCE_SECONDS) -> None:
        self._store = store
        self._database = database
        self._patience = patience if database.file is None else 0.0
        self._waiting: dict[str, _Waiting] = {}  # by the answer's id
        self._late = LateQuestions(store) if database.file is None else None
        self._retrying, self._hurries = False, False

    def __len__(self) -> int:
        """How many answers wait."""
        return len(self._waiting)

    def add_question(self, entry: QuestionEntry, admit: Callable[[str], None]) -> StoredQuestion:
        """See the port. Raises ChatError(OVERLOADED) besides, where MOST_ANSWERS wait."""
        if len(self._waiting) >= MOST_ANSWERS:
            raise ChatError(Problem.OVERLOADED)
        stored = self._store.add_question(entry, admit)
        if self._late:
            self._late.forget(stored.answer_id)
        return stored

    def refuse_repeated(self, entry: QuestionEntry) -> None:
        """See the port."""
        self._store.refuse_repeated(entry)

    def add_answer(
        self, conversation_id: str, answer_id: str, answer: AnswerRecord, charge: Charge | None = None
    ) -> None:
        """See the port."""
        began = monotonic()
        try:
            self._store.add_answer(conversation_id, answer_id, answer, charge)
        except BaseException as error:  # also where the greenlet is ended that waits for the store
            if _is_lost(error):
                raise
            waiting = _Waiting(conversation_id, answer_id, answer, charge)
            self._keep(waiting, error)
            if answer.status == "complete" and is_away(error) and not self._hurries:
                waiting.settled.wait(max(0.0, began + self._patience - monotonic()))
            if waiting.is_stored is None:
                raise
            if not waiting.is_stored:
                raise ChatError(Problem.LOST) from error

    def hurry(self) -> None:
        """The worker is about to end: nobody waits for the database any more."""
        self._hurries = True
        self._let_go()

    def abandon(self, entry: QuestionEntry) -> None:
        """See the port."""
        answer_id = answer_id_of(entry)
        if self._late:
            self._late.expect(answer_id)
        try:
            self._store.abandon(entry)
        except BaseException as error:
            self._keep(_Waiting("", answer_id, None, None), error)
            raise

    def store_waiting(self) -> None:
        """Store what waits, until one of them still cannot be stored."""
        for waiting in list(self._waiting.values()):
            try:
                self._store_one(waiting)
            except Exception as error:
                if _is_lost(error):
                    log.warning("answer lost", extra={"answer_id": waiting.answer_id})
                    waiting.settle(is_stored=False)
                elif may_pass(error):
                    if not is_away(error):
                        self._let_go()
                    return
                elif waiting.answer:
                    self._give_up(waiting, error)
                    continue
                else:
                    log.exception("answer not ended", extra={"answer_id": waiting.answer_id})
            self._waiting.pop(waiting.answer_id, None)

    def _store_one(self, waiting: _Waiting) -> None:
        if waiting.answer:
            self._store.add_answer(waiting.conversation_id, waiting.answer_id, waiting.answer, waiting.charge)
        else:
            self._store.give_up_answer(waiting.answer_id)
        self._database.write(lambda connection: end_abandoned(connection, waiting.answer_id))
        waiting.settle(is_stored=True)
        log.info("answer stored late", extra={"answer_id": waiting.answer_id})

    def _keep(self, waiting: _Waiting, error: BaseException) -> None:
        if not may_pass(error):
            self._give_up(waiting, error)
        elif waiting.answer:
            waiting.size = len(json.dumps(parts_to_json(waiting.answer.message)))
            if waiting.size + sum(each.size for each in self._waiting.values()) > MOST_BYTES:
                self._give_up(waiting, error)
        self._waiting[waiting.answer_id] = waiting
        log.warning("answer waits for the database", extra={"answer_id": waiting.answer_id})
        if not self._retrying:
            self._retrying = True
            gevent.spawn(self._retry)

    def _let_go(self) -> None:
        """Those who wait are told that their answers are not stored yet."""
        for waiting in self._waiting.values():
            waiting.settled.set()

    def _give_up(self, waiting: _Waiting, error: BaseException) -> None:
        """Forget what was said."""
        log.error("answer given up", exc_info=error, extra={"answer_id": waiting.answer_id})
        waiting.answer, waiting.size = None, 0
        waiting.settle(is_stored=None)

    def _retry(self) -> None:
        try:
            while self._waiting:
                gevent.sleep(RETRY_SECONDS)
                self.store_waiting()
        finally:
            self._retrying = False


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, ChatError) and error.problem is Problem.LOST


def may_pass(error: BaseException) -> bool:
    """Whether the same may be stored later: the database was at fault, or the greenlet was ended; not the answer."""
    return isinstance(error, ChatError) or not isinstance(error, Exception)
