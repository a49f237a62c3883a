"""Decides which step may start when, and which text is the answer. Nothing is run here."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from app.engine.events import Batch
from app.workflows.definition import Step, Workflow
from app.workflows.templates.language import Template, as_text

_FALSE = frozenset(["", "false", "none", "0"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended: `result` is a JSON value, `error` the reason why there is none."""

    status: Literal["complete", "failed", "skipped"]
    result: Any = None
    error: str | None = None


T = TypeVar("T")
Pending = Generator[Batch, None, T]
"""A value that may take a while: yields empty batches (heartbeats), then returns the value."""

Fill = Callable[[Sequence[Template], Mapping[str, Any]], Pending[list[str]]]
"""Fills in templates with variables and returns their texts. Raises TemplateError. Other steps may end meanwhile."""


class Schedule:
    """The steps of one run. `outcomes` has those that have ended, by their ids; whoever runs them adds to it."""

    def __init__(self, workflow: Workflow, question: str, fill: Fill) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._steps = workflow.steps
        self._begun: set[str] = set()
        self._question, self._fill = question, fill

    def variables(self) -> Mapping[str, Any]:
        """The variables of templates: `input`, the question's text, and `steps`, the results and errors so far."""
        steps = {step_id: {"result": each.result, "error": each.error} for step_id, each in self.outcomes.items()}
        return {"input": self._question, "steps": steps}

    def start(self) -> Pending[tuple[list[Step], list[Step]]]:
        """The steps that start now, and those that are skipped; each step is returned once. Raises TemplateError."""
        starting: list[Step] = []
        skipped: list[Step] = []
        again = True
        while again:
            again = False
            for step in self._steps:
                if step.id in self._begun or any(other not in self.outcomes for other in step.depends_on):
                    continue
                self._begun.add(step.id)
                if (yield from self._is_skipped(step)):
                    self.outcomes[step.id] = Outcome("skipped")
                    skipped.append(step)
                    again = True  # others may wait for this one
                else:
                    starting.append(step)
        return starting, skipped

    def answers(self, step: Step) -> bool:
        """Whether a step that starts now certainly makes the answer: its text is meant for the caller, and each such
        step after it in the list has been skipped or has failed."""
        later = self._steps[self._steps.index(step) + 1 :]
        ended = self.outcomes
        return step.has_text and all(
            each.id in ended and ended[each.id].status != "complete" for each in later if each.has_text
        )

    def answer(self) -> str:
        """Once all steps have ended: the text of the last complete step that has text for the caller; without one, the
        result of the last complete step."""
        complete = [step for step in self._steps if self.outcomes[step.id].status == "complete"]
        last = next((step for step in reversed(complete) if step.has_text), complete[-1] if complete else None)
        return as_text(self.outcomes[last.id].result) if last else ""

    def _is_skipped(self, step: Step) -> Pending[bool]:
        before = [self.outcomes[other].status for other in step.depends_on]
        if before and all(status == "skipped" for status in before):
            return True
        if step.when is None:
            return False
        (text,) = yield from self._fill([step.when], self.variables())
        return text.strip().lower() in _FALSE
