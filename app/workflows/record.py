"""What a run leaves behind: its steps as they end, and how it ended itself."""

from app.engine.generation import GenerationInput
from app.store.runs import RunStatus, RunStore, StepRecord
from app.store.tables import now
from app.workflows.definition import Step, Workflow
from app.workflows.schedule import Outcome


class RunRecorder:
    """Of one run, which has the id of the answer that it makes."""

    def __init__(self, runs: RunStore, workflow: Workflow, source: GenerationInput) -> None:
        self.ended = False
        self._runs, self._id = runs, source.answer_id
        self._steps: list[StepRecord] = []
        self._saved = 0  # how many of them are surely in the store
        runs.begin(source.answer_id, source.conversation_id, workflow.id, workflow.version)

    def note(self, step: Step, outcome: Outcome, started: int | None = None) -> None:
        """`started` is in epoch milliseconds; without it, it is now."""
        time = now()
        self._steps.append(StepRecord(step.id, outcome.status, started or time, time, outcome.result, outcome.error))

    def save(self) -> None:
        """Whoever is stopped in the middle leaves it to the next one, or to the end."""
        many = len(self._steps)
        self._runs.add_steps(self._id, self._steps[self._saved : many])
        self._saved = max(many, self._saved)

    def end(self, status: RunStatus, error: str | None = None) -> None:
        self.ended = True
        self._runs.end(self._id, status, error, self._steps)
