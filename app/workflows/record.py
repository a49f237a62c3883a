"""Records a run in the store: its steps as they end, and how the run ended."""

import logging
from time import monotonic

from app.engine.generation import GenerationInput
from app.store.runs import RunStatus, RunStore, StepRecord
from app.store.tables import now
from app.workflows.definition import Step, Workflow
from app.workflows.schedule import Outcome

log = logging.getLogger(__name__)

PAUSE_SECONDS = 5.0  # in which no step waits for the store, after one has waited in vain


class RunRecorder:
    """Records one run, under the id of the answer that it makes. Making one stores the run as "running"."""

    def __init__(self, runs: RunStore, workflow: Workflow, source: GenerationInput) -> None:
        self.ended = False
        self._runs, self._id = runs, source.answer_id
        self._steps: list[StepRecord] = []
        self._saved = 0  # how many of them are certainly in the store
        self._next_save = 0.0  # seconds of the monotonic clock
        runs.begin(source.answer_id, source.conversation_id, workflow.id, workflow.version)

    def note(self, step: Step, outcome: Outcome, started: int | None = None) -> None:
        """Remember a step that ends now, until `save` or `end` stores it. `started` is in epoch milliseconds; without
        it the step started now."""
        time = now()
        self._steps.append(StepRecord(step.id, outcome.status, started or time, time, outcome.result, outcome.error))

    def save(self) -> None:
        """Store the steps that are not stored yet. What cannot be stored is left to a later call of `save` or to `end`,
        and so is what a greenlet stores that is killed meanwhile: a record does not fail its run, nor hold it up for
        more than RECORD_SECONDS in each PAUSE_SECONDS."""
        if monotonic() < self._next_save:
            return
        count = len(self._steps)
        try:
            self._runs.add_steps(self._id, self._steps[self._saved : count])
        except Exception:
            self._next_save = monotonic() + PAUSE_SECONDS
            log.warning("steps of a run not stored yet", exc_info=True, extra={"answer_id": self._id})
        else:
            self._saved = max(count, self._saved)

    def end(self, status: RunStatus, error: str | None = None) -> None:
        """Store how the run ended, and all of its steps."""
        self.ended = True
        self._runs.end(self._id, status, error, self._steps)
