"""Runs a workflow: steps whose dependencies are over run side by side, and the one that answers is heard as it speaks.

Each step has a greenlet of its own, but for the one that answers: its tokens go straight to the caller, with no queue
in between. What the others tell (tool calls, results, sources) waits in `_outbox` for the next moment to be passed on.
"""

import logging
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from time import monotonic
from typing import Any

import gevent
import gevent.event
from gevent.pool import Group

from app.engine.engine import Engine
from app.engine.errors import ChatError, Problem
from app.engine.events import (
    Batch,
    Event,
    ReasoningStarted,
    RoundFinished,
    RoundStarted,
    SourceFound,
    TextDelta,
    TextStarted,
    ToolCalled,
    ToolReturned,
)
from app.engine.framing import Framing
from app.engine.generation import GenerationInput
from app.engine.messages import FinishReason, Usage, last_question
from app.engine.question import Question
from app.engine.transcript import Transcript
from app.store.runs import RunStatus, RunStore
from app.store.tables import now
from app.workflows.checks import MOST_FAN_OUT
from app.workflows.definition import RETRY_SECONDS, Say, Step, Workflow
from app.workflows.outbox import PendingEvents
from app.workflows.record import RunRecorder
from app.workflows.schedule import Outcome, Schedule, Waiting
from app.workflows.steps import StepError, StepRunner
from app.workflows.templates.filters import TemplateError
from app.workflows.templates.rendering import TemplateFiller

log = logging.getLogger(__name__)

_FINAL = (Problem.TOOL_LOOP, Problem.WORKFLOW_LIMIT)  # no retry, no `onError` helps


class WorkflowPlan:
    """Implements the engine's `Plan`."""

    def __init__(self, workflow: Workflow, runs: RunStore) -> None:
        self.workflow = workflow
        self._runs = runs

    def generation(self, engine: Engine, question: Question) -> "Run":
        return Run(self.workflow, self._runs, engine, question)


class Run:
    """Implements the engine's `Generation`. A run has the id of the answer that it makes."""

    def __init__(self, workflow: Workflow, runs: RunStore, engine: Engine, question: Question) -> None:
        self.transcript = Transcript()
        self.finish_reason: FinishReason = "stop"
        self.first_token: float | None = None
        self.cancelled: ChatError | None = None
        self.connecting = False  # `prepare` does not wait
        self._workflow, self._runs = workflow, runs
        self._engine, self._question = engine, question
        self._framing = Framing()
        self._outbox = PendingEvents()
        self._greenlets = Group()
        self._stopping = gevent.event.Event()
        self._running = 0  # steps that may run and are not over
        self._ready: deque[Step] = deque()  # those of them that wait until fewer others run
        self._failure: ChatError | None = None
        self._record: RunRecorder | None = None  # from `prepare` on, and with it `_work` and `_schedule`

    def prepare(self, source: GenerationInput) -> None:
        if source.resumed:
            self.transcript = Transcript(source.resumed.parts)
            raise ChatError(Problem.NOT_ONGOING, "An answer that a workflow made cannot be gone on with")
        text = last_question(source.messages)
        fill = TemplateFiller(self._question.conversation.owner, self._stopping, self._engine.heartbeat).fill
        self._schedule = Schedule(self._workflow, text, fill)
        self._work = StepRunner(self._workflow.limits, self._engine, self._question, source, fill)
        self._record = RunRecorder(self._runs, self._workflow, source)

    @property
    def usage(self) -> Usage:
        return self._work.usage if self._record else Usage()

    @property
    def model(self) -> str | None:
        return self._work.model if self._record else None

    def run(self) -> Iterator[Batch]:
        assert self._record, "prepare() comes first"
        late = ChatError(Problem.WORKFLOW_LIMIT, "The workflow took too long")
        alarm = gevent.spawn_later(self._workflow.limits.seconds, self._stop, late)
        try:
            yield [RoundStarted()]
            self._check()
            yield from self._advance()
            while self._running or not self._outbox.empty:
                yield from self._next()
            self._check()
            answer = () if self.first_token else self._spoken(self._schedule.answer())
            yield [*answer, *self.end_parts(), RoundFinished()]
            self.finish_reason = self._work.finish_reason
            self._record.end("complete")
        except Exception as error:
            self._stop(error if isinstance(error, ChatError) else ChatError(Problem.INTERNAL))
            told = self._stopped()
            if told:
                yield told
            raise
        finally:
            alarm.kill(block=False)
            self.close()

    def end_parts(self) -> Sequence[Event]:
        aloud = self._work.aloud.end_parts() if self._record and self._work.aloud else ()
        return [*aloud, *self._framing.close()]

    def cancel(self, error: ChatError) -> None:
        self.cancelled = self.cancelled or error
        self._stop(error)

    def close(self) -> None:
        self._stopping.set()
        if self._record is None:
            return
        self._work.stop(self._failure or ChatError(Problem.INTERNAL))
        self._greenlets.kill(block=False)
        if not self._record.ended:
            status: RunStatus = "failed" if self._failure and not self.cancelled else "interrupted"
            try:
                self._record.end(status, self._failure.message if self._failure else None)
            except Exception:
                log.exception("run not recorded", extra={"request_id": self._question.request_id})

    def _next(self) -> Iterator[Batch]:
        """What comes next of all that runs. Raises ChatError where the run has failed."""
        if not self._outbox.wait(self._engine.heartbeat):
            yield ()
            return
        told, step = self._outbox.take(), self._outbox.take_step()
        if told:
            yield told
        self._check()
        if step:
            yield from self._speak(step)
            self._check()

    def _advance(self) -> Waiting[None]:
        """Start what may start now."""
        try:
            starting, skipped = yield from self._schedule.start()
        except TemplateError as error:
            self._stop(ChatError(Problem.WORKFLOW_FAILED, f"A condition is wrong: {error}"))
            return
        assert self._record
        for step in skipped:
            self._record.note(step, Outcome("skipped"))
        self._running += len(starting)
        self._ready.extend(starting)
        self._start_ready()

    def _start_ready(self) -> None:
        while self._ready and self._running - len(self._ready) < MOST_FAN_OUT:
            step = self._ready.popleft()
            if self._schedule.answers(step):
                self._outbox.hand_over(step)
            else:
                self._greenlets.spawn(self._perform_hidden, step)

    def _speak(self, step: Step) -> Iterator[Batch]:
        """The step that answers, in the caller's own greenlet."""
        for batch in self._perform(step, aloud=True):
            if self.first_token is None and any(type(each) in (TextStarted, ReasoningStarted) for each in batch):
                self.first_token = monotonic()
            yield batch if self._outbox.empty else [*self._outbox.take(), *batch]
        self._over()

    def _over(self) -> None:
        self._running -= 1
        if not self._stopping.is_set():
            self._start_ready()

    def _perform_hidden(self, step: Step) -> None:
        try:
            for batch in self._perform(step, aloud=False):
                told = [event for event in batch if isinstance(event, ToolCalled | ToolReturned | SourceFound)]
                if told:
                    self._outbox.tell(told)
        except ChatError as error:
            self._stop(error)
        except Exception:
            log.exception("step failed", extra={"request_id": self._question.request_id})
            self._stop(ChatError(Problem.INTERNAL))
        finally:
            self._over()
            self._outbox.wake()

    def _perform(self, step: Step, *, aloud: bool) -> Iterator[Batch]:
        """Raises ChatError where the run fails with the step."""
        assert self._record
        started = now()
        for attempt in range(step.retries + 1):
            if attempt:
                self._stopping.wait(RETRY_SECONDS * 2 ** (attempt - 1))
            gevent.sleep(0)  # that the caller has left is heard before more is asked
            self._check()
            failure: Exception | None = None
            try:
                result = yield from self._try(step, attempt, aloud=aloud)
            except (StepError, TemplateError, ChatError) as error:
                self._check()
                if isinstance(error, ChatError) and error.problem in _FINAL:
                    raise
                failure = error
                if aloud and self.first_token:  # what was said cannot be taken back
                    break
            else:
                break
        outcome = Outcome("failed", error=str(failure)) if failure else Outcome("complete", result)
        self._schedule.outcomes[step.id] = outcome
        self._record.note(step, outcome, started)
        if failure and (step.on_error == "fail" or (aloud and self.first_token)):
            words = f"The step {step.id!r} failed: {failure}"
            raise failure if isinstance(failure, ChatError) else ChatError(Problem.WORKFLOW_FAILED, words)
        yield from self._advance()
        self._record.save()

    def _try(self, step: Step, attempt: int, *, aloud: bool) -> Generator[Batch, None, Any]:
        result = yield from self._work.perform(step, self._schedule.variables(), attempt=attempt, aloud=aloud)
        if aloud and isinstance(step.action, Say) and result:
            yield self._spoken(result)
        return result

    def _stopped(self) -> Batch:
        """What was still to be told when the run was stopped, and a result for each call that will have none."""
        self._greenlets.kill(timeout=1)  # they end at once; what they still tell is not lost
        return [*self._outbox.take(), *self._work.without_result(), *self.end_parts()]

    def _spoken(self, text: str) -> Batch:
        return self._framing.frame([TextDelta(text)])

    def _stop(self, error: ChatError) -> None:
        """End all that runs; the caller's greenlet raises the error."""
        self._failure = self._failure or error
        self._stopping.set()
        if self._record is None:
            return
        self._work.stop(error)
        self._greenlets.kill(block=False)
        self._outbox.wake()

    def _check(self) -> None:
        """Raises what the run was stopped with."""
        error = self.cancelled or self._failure
        if error:
            raise error
