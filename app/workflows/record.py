"""Records a run in the store: its steps as they end, and how the run ended."""

from app.engine.generation import GenerationInput
from app.store.runs import RunStatus, RunStore, StepRecord
from app.store.tables import now
from app.workflows.definition import Step, Workflow
from app.workflows.schedule import Outcome


class RunRecorder:
    """Records one run, under the id of the answer that it makes. Making one stores the run as "running"."""

    def __init__(self, runs: RunStore, workflow: Workflow, source: GenerationInput) -> None:
        self.ended = False
        self._runs, self._id = runs, source.answer_id
        self._steps: list[StepRecord] = []
        self._saved = 0  # how many of them are certainly in the store
        runs.begin(source.answer_id, source.conversation_id, workflow.id, workflow.version)

    def note(self, step: Step, outcome: Outcome, started: int | None = None) -> None:
        """Remember a step that ends now, until `save` or `end` stores it. `started` is in epoch milliseconds; without
        it the step started now."""
        time = now()
        self._steps.append(StepRecord(step.id, outcome.status, started or time, time, outcome.result, outcome.error))

    def save(self) -> None:
        """Store the steps that are not stored yet. A greenlet that is killed meanwhile leaves them to the next call of
        `save` or `end`."""
        count = len(self._steps)
        self._runs.add_steps(self._id, self._steps[self._saved : count])
        self._saved = max(count, self._saved)

    def end(self, status: RunStatus, error: str | None = None) -> None:
        """Store how the run ended, and all of its steps."""
        self.ended = True
        self._runs.end(self._id, status, error, self._steps)
