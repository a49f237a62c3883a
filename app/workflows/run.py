"""Workflows as the engine sees them: a plan for answers, and a run, which makes one answer."""

import logging
from collections.abc import Iterator, Mapping, Sequence

import gevent
from gevent.event import Event as Signal

from app.engine.engine import Engine
from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, RoundFinished, RoundStarted
from app.engine.generation import GenerationInput
from app.engine.messages import FinishReason, Mark, Usage, last_question
from app.engine.ports import TakesText
from app.engine.question import Question
from app.engine.transcript import Transcript
from app.store.runs import RunStatus, RunStore
from app.workflows.checks import most_paid
from app.workflows.definition import Workflow
from app.workflows.executor import Executor
from app.workflows.record import RunRecorder
from app.workflows.schedule import Schedule
from app.workflows.steps import StepRunner
from app.workflows.templates.rendering import TemplateFiller

log = logging.getLogger(__name__)


class WorkflowPlan:
    """Implements the engine's `Plan`."""

    def __init__(self, workflow: Workflow, runs: RunStore) -> None:
        self.workflow = workflow
        self._runs = runs

    def generation(self, engine: Engine, question: Question) -> "WorkflowRun":
        return WorkflowRun(self.workflow, self._runs, engine, question)

    @property
    def most_paid(self) -> int:
        return most_paid(self.workflow)


class WorkflowRun:
    """Implements the engine's `Generation`. A run is recorded under the id of the answer that it makes."""

    connecting = False  # `prepare` waits for the store alone
    inter_token = None  # its steps do not speak one after the other

    def __init__(self, workflow: Workflow, runs: RunStore, engine: Engine, question: Question) -> None:
        self.transcript = Transcript(engine.answer_bytes, request_id=question.request_id)
        self.finish_reason: FinishReason = "stop"
        self.cancelled: ChatError | None = None
        self._workflow, self._runs = workflow, runs
        self._engine, self._question = engine, question
        self._executor: Executor | None = None  # from `prepare` on
        self._complete = False

    @property
    def first_token(self) -> float | None:
        return self._executor.first_token if self._executor else None

    @property
    def usage(self) -> Usage:
        return self._executor.runner.usage if self._executor else Usage()

    @property
    def mark(self) -> Mark | None:
        rounds = self._executor.runner.answer_rounds if self._executor else None
        return rounds.mark if rounds else None

    @property
    def model(self) -> str | None:
        return self._executor.runner.model if self._executor else None

    @property
    def paid_models(self) -> Sequence[str]:
        return self._executor.runner.paid_models if self._executor else ()

    @property
    def phases(self) -> Mapping[str, float]:
        return {}  # its record has the times of its steps

    def prepare(self, source: GenerationInput) -> None:
        """Record the run as running. Raises ChatError: NOT_ONGOING where an answer is to be resumed."""
        if source.resumed:
            parts, request_id = source.resumed.parts, self._question.request_id
            self.transcript = Transcript(self._engine.answer_bytes, parts, request_id=request_id)
            raise ChatError(Problem.NOT_ONGOING, "An answer that a workflow made cannot be gone on with")
        heartbeat, stopping = self._engine.heartbeat, Signal()
        language = self._question.agent.language
        fill = TemplateFiller(self._question.taker.name, stopping, heartbeat, language).fill
        self._executor = Executor(
            Schedule(self._workflow, last_question(source.messages), fill),
            StepRunner(self._workflow.limits, self._engine, self._question, source, fill),
            RunRecorder(self._runs, self._workflow, source),
            stopping=stopping,
            heartbeat=heartbeat,
            request_id=self._question.request_id,
        )
        if self.cancelled:  # while the store was at work
            self._executor.stop(self.cancelled)

    def run(self) -> Iterator[Batch]:
        executor = self._executor
        assert executor, "prepare() comes first"
        late = ChatError(Problem.WORKFLOW_LIMIT, "The workflow took too long")
        alarm = gevent.spawn_later(self._workflow.limits.seconds, executor.stop, late)
        try:
            yield [RoundStarted()]
            yield from executor.run()
            yield [*executor.unstreamed_answer(), *self.end_parts(), RoundFinished()]
            self.finish_reason = executor.runner.finish_reason
            self._complete = True
        except Exception as error:
            executor.stop(error if isinstance(error, ChatError) else ChatError(Problem.INTERNAL))
            remaining = executor.remaining_events()
            if remaining:
                yield remaining
            raise
        finally:
            alarm.kill(block=False)
            executor.close()
            if not self._complete:  # one that is complete is recorded after its answer, which it must not hold up
                self.close()

    def shorten(self, take: TakesText) -> None:
        """What its steps say is looked at as it comes."""

    def end_parts(self) -> Sequence[Event]:
        return self._executor.end_parts() if self._executor else ()

    def cancel(self, error: ChatError) -> None:
        self.cancelled = self.cancelled or error
        if self._executor:
            self._executor.stop(error)

    def close(self) -> None:
        """See the protocol. Records how the run ended; its answer does not depend on that."""
        executor = self._executor
        if executor is None:
            return
        executor.close()
        if not executor.recorder.ended:
            failure = None if self._complete else executor.failure
            broken: RunStatus = "failed" if failure and not self.cancelled else "interrupted"
            try:
                executor.recorder.end("complete" if self._complete else broken, failure.message if failure else None)
            except Exception:
                log.exception("run not recorded", extra={"request_id": self._question.request_id})
