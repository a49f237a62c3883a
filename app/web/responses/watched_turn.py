"""A turn whose caller is watched, and the clock: it ends when nobody has listened for as long as it waits for them to
come back, which may be not at all, and by `answer_seconds`."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from time import monotonic

import gevent
from flask import request
from gevent import get_hub, getcurrent

from app.engine.engine import Plan
from app.engine.errors import BusyError, ChatError, Problem, RepeatedError
from app.engine.events import Batch
from app.engine.question import Question
from app.engine.turn import Turn
from app.web.callers.stored_bytes import stored_size
from app.web.requests.positions import wants_ids
from app.web.services import services

log = logging.getLogger(__name__)

BUSY_SECONDS = 0.2  # for the server to notice that the caller of the running answer has left
ENDING_SECONDS = 5  # for a cancelled answer to be recorded: as long as the store lets a write wait
LONGEST_PAUSE = 0.1  # seconds between two tries
LAST_EVENT_SECONDS = 1  # for a caller who does not read to take the end of an answer that was cancelled


class WatchedTurn:
    """A turn that has begun, and that is cancelled when nobody listens to it any more, or when it has taken
    `answer_seconds`. How long it waits for somebody to come back is its agent's `when_left`, and at least
    `rejoin_seconds` where the caller has shown that it can. Implements `Told`.

    Made within the request, it begins the turn, and raises the ChatError with which that is refused, or RepeatedError.
    `close` in any case: it records what was said, writes the log line of the turn, and counts it.
    """

    begins_at_once = True

    def __init__(self, question: Question, plan: Plan | None) -> None:
        shared = services()
        self._shared, self._followed = shared, plan or shared.engine.plans.get(question.agent.id)
        self._greenlet = getcurrent()
        self._closed = False
        self._drop_at: float | None = None  # monotonic time, where the caller does not read and the answer is to end
        self._joins = False  # another turn's answer: then this is none
        self._ending: ChatError | None = None  # what `_cancel` was called with
        new_turn = partial(Turn, shared.engine, question, plan)
        self.turn = new_turn()
        self._connect_turn()
        rejoins = wants_ids() or question.request_key is not None
        self._patience = max(question.agent.when_left, shared.settings.server.rejoin_seconds if rejoins else 0)
        self._left = False  # the caller, not those who listen
        self._patience_ends: gevent.Greenlet[..., None] | None = None
        watch = request.environ.get("parlance.watch")
        self._watcher = watch(self._caller_left) if watch else None
        self._alarm = get_hub().loop.timer(shared.settings.server.answer_seconds, ref=False)
        self._alarm.start(gevent.spawn, self._too_late)
        try:
            self._check_stored_bytes()
            self._begin(new_turn)
        except BaseException as error:
            self._joins = isinstance(error, RepeatedError)
            self.close()
            raise

    def _check_stored_bytes(self) -> None:
        """As the guard does for questions without a request key: who joins an answer has nothing more stored."""
        question = self.turn.question
        if question.request_key and question.taker.anonymous:
            try:
                self._shared.stored_bytes.check(question.taker.name)
            except ChatError:
                self.turn.refuse_repeated()
                raise

    def _begin(self, new_turn: Callable[[], Turn]) -> None:
        """Where the conversation is BUSY, try again for a while: a client that cancels and asks again may arrive before
        the cancelled turn has released the conversation."""
        asked, pause = monotonic(), 0.01
        while True:
            try:
                self.turn.begin()
            except ChatError as error:
                ending = isinstance(error, BusyError) and error.ending
                waits = error.problem is Problem.BUSY and monotonic() - asked < (
                    ENDING_SECONDS if ending else BUSY_SECONDS
                )
                if not waits:
                    raise
            else:
                return
            gevent.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            self.turn = new_turn()
            self._connect_turn()
            if self._ending:  # during the pause: the watcher calls once, and that was for the turn before
                self._cancel(self._ending)

    def _connect_turn(self) -> None:
        self.turn.interrupt = self._interrupt
        self.turn.audience.changed = self._audience_changed

    def run(self) -> Iterator[Batch]:
        """See `Turn.run`."""
        return self.turn.run()

    def go_on_alone(self) -> None:
        """Make the answer to its end in a greenlet of its own; the request may end. Call it instead of `run`."""
        if self._watcher:
            self._watcher.stop()
            self._watcher = None
        self._left, self._patience = True, inf
        self._greenlet = gevent.spawn(self._run_alone)

    def _run_alone(self) -> None:
        try:
            self.turn.shorten(lambda _batch: True)
            for _ in self.run():
                pass
        finally:
            self.close()

    def shorten(self, send: Callable[[Batch], bool]) -> None:
        """See `Told`."""
        self.turn.shorten(send)

    def probe_by(self, probe: Callable[[], None]) -> None:
        """See `Told`."""
        if self._watcher:
            self._watcher.probe = probe

    def outlives_caller(self) -> bool:
        """See `Told`."""
        self._caller_left()
        return not self.turn.cancelled

    def others_wait(self) -> bool:
        """See `Told`: those who listen, at once, and whoever has ended the answer, which is stored behind its last
        event, a moment later."""
        if self.turn.cancelled and self._drop_at is None:
            self._drop_at = monotonic() + LAST_EVENT_SECONDS
        return bool(self.turn.audience.listeners) or (self._drop_at is not None and monotonic() >= self._drop_at)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._watcher:
            self._watcher.stop()
        self._alarm.close()
        self._stop_waiting()
        self.turn.close()
        if self.turn.question.taker.anonymous and self.turn.answer_id:
            self._count_stored(self.turn.answer_id)
        if not self._joins:
            self._log()
            if self._shared.figures:
                self._shared.figures.count_turn(self.turn)

    def _caller_left(self) -> None:
        self._left = True
        self._audience_changed()

    def _audience_changed(self) -> None:
        """Nobody listens any more, or somebody does again."""
        self._stop_waiting()
        if not self._left or self.turn.audience.listeners or self._closed:
            return
        if self._patience == 0:
            self._nobody_came()
        elif self._patience < inf:
            self._patience_ends = gevent.spawn_later(self._patience, self._nobody_came)

    def _stop_waiting(self) -> None:
        if self._patience_ends:
            self._patience_ends.kill(block=False)
            self._patience_ends = None

    def _nobody_came(self) -> None:
        self._patience_ends = None  # it is this greenlet, which is not to be killed
        self._cancel(ChatError(Problem.LEFT))

    def _too_late(self) -> None:
        self._cancel(ChatError(Problem.UPSTREAM_TIMEOUT))

    def _cancel(self, error: ChatError) -> None:
        self._ending = self._ending or error
        self.turn.cancel(error)

    def _interrupt(self, error: ChatError) -> None:
        """Of a turn that still waits for a model: the error is thrown into the greenlet that waits."""
        get_hub().loop.run_callback(self._stop_connecting, error)

    def _stop_connecting(self, error: ChatError) -> None:
        """Called by the event loop, where no greenlet runs: what is seen here is still so when the error is thrown."""
        if self.turn.generation.connecting:
            self._greenlet.throw(error)

    def _count_stored(self, answer_id: str) -> None:
        """For the address of a caller without a credential: nobody else answers for what it has the server store."""
        turn, shared = self.turn, self._shared
        size = stored_size([*turn.question.messages, turn.generation.transcript.message()])
        try:
            size += shared.runs.stored_bytes(answer_id) if self._followed else 0
        except Exception:  # the database is away: what the texts take counts in any case
            log.exception("what a run takes cannot be looked up", extra={"request_id": turn.question.request_id})
        shared.stored_bytes.count(turn.question.taker.name, size)

    def _log(self) -> None:
        turn, question = self.turn, self.turn.question
        now, first_token = monotonic(), turn.generation.first_token
        fields = {
            "request_id": question.request_id,
            "wire": question.conversation.wire,
            "agent": question.agent.id,
            "model": turn.generation.model,
            "outcome": turn.status or "refused",
            "prompt_tokens": turn.generation.usage.prompt_tokens,
            "completion_tokens": turn.generation.usage.completion_tokens,
            "seconds": round(now - turn.started, 4),
            "attended": not self._left,
            "first_token_seconds": round(first_token - turn.started, 4) if first_token else None,
        }
        error = turn.error or self._ending
        fields |= {**turn.generation.phases, **({"reason": error.message} if error else {})}
        if self._shared.settings.server.log_messages:
            fields |= {"question": turn.question_text, "answer": turn.generation.transcript.message().text}
        log.info("turn", extra=fields)
