"""Executes the steps of a run: each starts when the steps that it depends on have ended, and may run beside others.

The step that makes the answer runs in the caller's greenlet, so its tokens need no queue. Every other step has a
greenlet of its own; its events (tool calls, results, sources) wait in the outbox for the caller's greenlet.
"""

import logging
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event as Signal
from gevent.pool import Group

from app.engine.errors import ChatError, Problem
from app.engine.events import (
    Batch,
    Event,
    ReasoningStarted,
    TextDelta,
    TextStarted,
)
from app.engine.framing import Framing
from app.store.tables import now
from app.workflows.checks import MOST_FAN_OUT
from app.workflows.definition import RETRY_SECONDS, Say, Step
from app.workflows.outbox import Outbox, ToldBeside
from app.workflows.record import RunRecorder
from app.workflows.schedule import Outcome, Pending, Schedule
from app.workflows.steps import StepError, StepRunner
from app.workflows.templates.filters import TemplateError

log = logging.getLogger(__name__)

_FATAL = (Problem.TOOL_LOOP, Problem.WORKFLOW_LIMIT)  # they end the run, whatever `retries` and `onError` say


class Executor:
    """Use: iterate `run`, then take `unstreamed_answer`; after `stop` take `remaining_events`; in any case `close`.

    - `failure`: the first error that `stop` was called with, or that ended a step and with it the run.
    - `first_token`: when the answer began to stream, in seconds of the monotonic clock; None before that.
    - `stopping`: is set when the run is stopped or closed.
    - `heartbeat`: in seconds.
    """

    def __init__(
        self,
        schedule: Schedule,
        runner: StepRunner,
        recorder: RunRecorder,
        *,
        stopping: Signal,
        heartbeat: float,
        request_id: str,
    ) -> None:
        self.runner, self.recorder = runner, recorder
        self.failure: ChatError | None = None
        self.first_token: float | None = None
        self._schedule = schedule
        self._stopping, self._heartbeat, self._request_id = stopping, heartbeat, request_id
        self._framing = Framing()
        self._outbox = Outbox()
        self._greenlets = Group()
        self._unfinished = 0  # steps that have been admitted by the schedule and have not ended
        self._queued: deque[Step] = deque()  # those of them that wait until fewer others run

    def run(self) -> Iterator[Batch]:
        """The events of all steps, until the last has ended. Raises ChatError where the run fails or is stopped."""
        self._check()
        yield from self._advance()
        while self._unfinished or not self._outbox.empty:
            yield from self._next()
        self._check()

    def unstreamed_answer(self) -> Sequence[Event]:
        """The answer's text, where `run` has streamed none."""
        return () if self.first_token else self._text_events(self._schedule.answer())

    def end_parts(self) -> Sequence[Event]:
        """The event that ends the open part, if one is open."""
        rounds = self.runner.answer_rounds
        return [*(rounds.end_parts() if rounds else ()), *self._framing.close()]

    def stop(self, error: ChatError) -> None:
        """End all that runs, from any greenlet; `run` raises the error."""
        self.failure = self.failure or error
        self._stopping.set()
        self.runner.stop(error)
        self._greenlets.kill(block=False)
        self._outbox.wake()

    def remaining_events(self) -> Batch:
        """After `stop`: the end of the open part, the events that no batch has had, and a failed result for each call
        without one."""
        self._greenlets.kill(timeout=1)  # they end at once, and may leave events
        return [*self.end_parts(), *self._outbox.take_events(), *self.runner.fail_open_calls()]

    def close(self) -> None:
        """Release everything; may be called more than once."""
        self._stopping.set()
        self.runner.stop(self.failure or ChatError(Problem.INTERNAL))
        self._greenlets.kill(block=False)

    def _check(self) -> None:
        """Raises ChatError where the run has failed or was stopped."""
        if self.failure:
            raise self.failure

    def _next(self) -> Iterator[Batch]:
        """The next events of other steps, and then all of the step that answers, if it is its turn."""
        if not self._outbox.wait(self._heartbeat):
            yield ()
            return
        events, step = self._outbox.take_events(), self._outbox.take_step()
        if events:
            yield [*self.end_parts(), *events]
        self._check()
        if step:
            yield from self._stream(step)
            self._check()

    def _advance(self) -> Pending[None]:
        """Start the steps that may start now, and record those that are skipped."""
        try:
            starting, skipped = yield from self._schedule.start()
        except TemplateError as error:
            self.stop(ChatError(Problem.WORKFLOW_FAILED, f"A condition is wrong: {error}"))
            return
        for step in skipped:
            self.recorder.note(step, Outcome("skipped"))
        self._unfinished += len(starting)
        self._queued.extend(starting)
        self._start_queued()

    def _start_queued(self) -> None:
        while self._queued and self._unfinished - len(self._queued) < MOST_FAN_OUT:
            step = self._queued.popleft()
            if self._schedule.answers(step):
                self._outbox.add_step(step)
            else:
                self._greenlets.spawn(self._run_beside, step)

    def _step_ended(self) -> None:
        self._unfinished -= 1
        if not self._stopping.is_set():
            self._start_queued()

    def _stream(self, step: Step) -> Iterator[Batch]:
        """Run the step that answers, in the caller's greenlet. Its batches take the events of other steps along."""
        for batch in self._perform(step, answers=True):
            if self.first_token is None and any(type(each) in (TextStarted, ReasoningStarted) for each in batch):
                self.first_token = monotonic()
            yield batch if self._outbox.empty else self._with_others(batch)
        self._step_ended()

    def _with_others(self, batch: Batch) -> Batch:
        """The batch, and behind it the events of other steps, so that they stand where they are told: they end a text,
        which goes on as another part. Thoughts, which a model may want back as they were, are not cut: they wait."""
        rounds = self.runner.answer_rounds
        if rounds and rounds.is_thinking:
            return batch
        return [*batch, *self.end_parts(), *self._outbox.take_events()]

    def _run_beside(self, step: Step) -> None:
        """Run a step that does not answer, in its own greenlet: callers see its tools and sources, not its text."""
        told = ToldBeside()
        try:
            for batch in self._perform(step, answers=False):
                events = [*told.of(batch)]
                if events:
                    self._outbox.add_events(events)
        except ChatError as error:
            self.stop(error)
        except Exception:
            log.exception("step failed", extra={"request_id": self._request_id})
            self.stop(ChatError(Problem.INTERNAL))
        finally:
            self._step_ended()
            self._outbox.wake()

    def _perform(self, step: Step, *, answers: bool) -> Iterator[Batch]:
        """The events of the step, with its retries; then the steps that waited for it start.

        Raises ChatError where its failure ends the run.
        """
        started = now()
        for attempt in range(step.retries + 1):
            if attempt:
                self._stopping.wait(RETRY_SECONDS * 2 ** (attempt - 1))
            gevent.sleep(0)  # lets a caller's leaving be noticed before anything is asked
            self._check()
            failure: Exception | None = None
            try:
                result = yield from self._try(step, attempt, answers=answers)
            except (StepError, TemplateError, ChatError) as error:
                self._check()
                if isinstance(error, ChatError) and error.problem in _FATAL:
                    raise
                failure = error
                if answers and self.first_token:  # what was streamed cannot be taken back
                    break
            else:
                break
        outcome = Outcome("failed", error=str(failure)) if failure else Outcome("complete", result)
        self._schedule.outcomes[step.id] = outcome
        self.recorder.note(step, outcome, started)
        if failure and (step.on_error == "fail" or (answers and self.first_token)):
            if isinstance(failure, ChatError):
                raise failure
            raise ChatError(Problem.WORKFLOW_FAILED, f"The step {step.id!r} failed: {failure}")
        yield from self._advance()
        if self._unfinished > 1:  # else this was the last, which is stored with the run's end
            self.recorder.save()

    def _try(self, step: Step, attempt: int, *, answers: bool) -> Generator[Batch, None, Any]:
        variables = self._schedule.variables()
        result = yield from self.runner.perform(step, variables, attempt=attempt, answers=answers)
        if answers and isinstance(step.action, Say) and result:
            yield self._text_events(result)
        return result

    def _text_events(self, text: str) -> Sequence[Event]:
        return self._framing.frame([TextDelta(text)])
