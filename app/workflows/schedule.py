"""Which step may start when, and what the answer is: the law of a workflow, without anything that runs."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from app.engine.events import Batch
from app.workflows.definition import Step, Workflow
from app.workflows.templates.language import Template, as_text

_FALSE = frozenset(["", "false", "none", "0"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended: with a JSON value, or with the reason why there is none."""

    status: Literal["complete", "failed", "skipped"]
    result: Any = None
    error: str | None = None


T = TypeVar("T")
Waiting = Generator[Batch, None, T]
"""What is not there at once: empty batches while the caller waits, then the value."""

Fill = Callable[[Sequence[Template], Mapping[str, Any]], Waiting[list[str]]]
"""What fills in templates with variables. Raises TemplateError. It may take a while, in which other steps end."""


class Schedule:
    """`outcomes` are those of the steps that are over."""

    def __init__(self, workflow: Workflow, text: str, fill: Fill) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._steps = workflow.steps
        self._begun: set[str] = set()
        self._input, self._fill = text, fill

    def variables(self) -> Mapping[str, Any]:
        """What templates see."""
        steps = {step_id: {"result": each.result, "error": each.error} for step_id, each in self.outcomes.items()}
        return {"input": self._input, "steps": steps}

    def start(self) -> Waiting[tuple[list[Step], list[Step]]]:
        """The steps that start now, and those that are skipped. Each is named once. Raises TemplateError."""
        starting: list[Step] = []
        skipped: list[Step] = []
        waiting = True
        while waiting:
            waiting = False
            for step in self._steps:
                if step.id in self._begun or any(other not in self.outcomes for other in step.depends_on):
                    continue
                self._begun.add(step.id)
                if (yield from self._is_skipped(step)):
                    self.outcomes[step.id] = Outcome("skipped")
                    skipped.append(step)
                    waiting = True  # others may wait for this one
                else:
                    starting.append(step)
        return starting, skipped

    def answers(self, step: Step) -> bool:
        """Whether a step that starts now is the one that answers: no later one that speaks will."""
        later = self._steps[self._steps.index(step) + 1 :]
        over = self.outcomes
        return step.speaks and all(
            each.id in over and over[each.id].status != "complete" for each in later if each.speaks
        )

    def answer(self) -> str:
        """The words of the last step that spoke; where none did, the last result."""
        complete = [step for step in self._steps if self.outcomes[step.id].status == "complete"]
        last = next((step for step in reversed(complete) if step.speaks), complete[-1] if complete else None)
        return as_text(self.outcomes[last.id].result) if last else ""

    def _is_skipped(self, step: Step) -> Waiting[bool]:
        before = [self.outcomes[other].status for other in step.depends_on]
        if before and all(status == "skipped" for status in before):
            return True
        if step.when is None:
            return False
        (text,) = yield from self._fill([step.when], self.variables())
        return text.strip().lower() in _FALSE
