"""What is found out about a workflow before it ever runs: its mistakes, and the worst that a run can take."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from marshmallow import ValidationError

from app.tools.base import Tool
from app.workflows.definition import (
    RETRY_SECONDS,
    AskModel,
    CallTool,
    Limits,
    Say,
    Step,
    Workflow,
    most_rounds,
    templates,
)

MOST_DEPTH = 20  # steps that wait for each other
MOST_FAN_OUT = 10  # steps that start at the same moment, and that run side by side


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that one run can take; what its limits do not admit is never reached."""

    steps: int
    depth: int
    fan_out: int
    tool_calls: int
    model_calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What workflows may use: tools, by their names, and what one run may take at most."""

    tools: Mapping[str, Tool]
    ceilings: Limits = field(default_factory=lambda: Limits(seconds=120, tool_calls=50, model_calls=20))


def check(workflow: Workflow, rules: Rules) -> Bound:
    """Raises ValidationError with every mistake."""
    mistakes: dict[int, dict[str, list[str]]] = {}
    known = {step.id for step in workflow.steps}
    for index, step in enumerate(workflow.steps):
        found: dict[str, list[str]] = {}
        for place, what in _mistakes(step, workflow.steps[:index], known, rules):
            found.setdefault(place, []).append(what)
        if found:
            mistakes[index] = found
    if mistakes:
        raise ValidationError({"steps": mistakes})
    graph = {step.id: set(step.depends_on) for step in workflow.steps}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ValidationError({"steps": [f"These wait for each other: {circle}."]}) from error
    behind: dict[str, set[str]] = {}  # all that a step waits for, straight or through others
    for step_id in order:
        behind[step_id] = graph[step_id].union(*(behind[other] for other in graph[step_id]))
    _check_references(workflow, behind)
    return _bound(workflow, graph, behind, rules)


def _mistakes(step: Step, before: Sequence[Step], known: set[str], rules: Rules) -> Iterator[tuple[str, str]]:
    if any(step.id == other.id for other in before):
        yield "id", f"There are two steps {step.id!r}."
    for other in step.depends_on:
        if other == step.id:
            yield "dependsOn", "A step cannot wait for itself."
        elif other not in known:
            yield "dependsOn", f"There is no step {other!r}."
    if len(set(step.depends_on)) < len(step.depends_on):
        yield "dependsOn", "Names a step twice."
    yield from _mistakes_with_tools(step.action, rules)


def _mistakes_with_tools(action: CallTool | AskModel | Say, rules: Rules) -> Iterator[tuple[str, str]]:
    match action:
        case CallTool(tool, args):
            named, place = [tool], "tool"
            if tool in rules.tools:
                yield from (("args", what) for what in rules.tools[tool].check_names(args))
        case AskModel(_, tools):
            named, place = list(tools), "tools"
        case _:
            named, place = [], ""
    if len(set(named)) < len(named):
        yield place, "Names a tool twice."  # which models' APIs refuse
    for tool in named:
        if tool not in rules.tools:
            yield place, f"There is no tool {tool!r}; there are: {', '.join(sorted(rules.tools)) or 'none'}."


def _check_references(workflow: Workflow, behind: Mapping[str, set[str]]) -> None:
    """A template may look at steps that are over by then."""
    mistakes = {}
    for index, step in enumerate(workflow.steps):
        unknown = {name for template in templates(step) for name in template.steps} - behind[step.id]
        if unknown:
            name = min(unknown)
            mistakes[index] = {"dependsOn": [f"steps.{name} is used, but the step does not wait for {name!r}."]}
    if mistakes:
        raise ValidationError({"steps": mistakes})


def _bound(workflow: Workflow, graph: Mapping[str, set[str]], behind: Mapping[str, set[str]], rules: Rules) -> Bound:
    """`behind` is in an order in which steps may run."""
    depth: dict[str, int] = {}
    ready: dict[str, float] = {}
    seconds = {step.id: _seconds(step, workflow, rules) for step in workflow.steps}
    for step_id in behind:
        waits_for = graph[step_id]
        depth[step_id] = 1 + max((depth[other] for other in waits_for), default=0)
        ready[step_id] = seconds[step_id] + max((ready[other] for other in waits_for), default=0)
    fan_out = max(_started_by(step_id, graph, behind) for step_id in (None, *behind))
    limits, ceilings = workflow.limits, rules.ceilings
    calls = [_calls(step, limits) for step in workflow.steps]
    bound = Bound(
        steps=len(behind),
        depth=max(depth.values()),
        fan_out=fan_out,
        tool_calls=min(sum(tool for tool, _ in calls), limits.tool_calls),
        model_calls=min(sum(model for _, model in calls), limits.model_calls),
        seconds=min(_with_waiting(max(ready.values()), [*seconds.values()]), limits.seconds),
    )
    for place, value, most, words in (
        ("steps", bound.depth, MOST_DEPTH, "of them wait for one another in a row"),
        ("steps", bound.fan_out, MOST_FAN_OUT, "of them start at the same moment"),
        ("limits.toolCalls", bound.tool_calls, ceilings.tool_calls, "tool calls could be made in a run"),
        ("limits.modelCalls", bound.model_calls, ceilings.model_calls, "calls of models could be made in a run"),
        ("limits.seconds", bound.seconds, ceilings.seconds, "seconds could be spent on a run"),
    ):
        if value > most:
            raise ValidationError({place: [f"{value:g} {words}; {most:g} is the most."]})
    return bound


def _started_by(step_id: str | None, graph: Mapping[str, set[str]], behind: Mapping[str, set[str]]) -> int:
    """How many steps may start when this one ends: those that wait for it and for nothing that comes after it. None
    is the beginning."""
    if step_id is None:
        return sum(not waits for waits in graph.values())
    return sum(step_id in waits and not any(step_id in behind[other] for other in waits) for waits in graph.values())


def _with_waiting(longest: float, seconds: Sequence[float]) -> float:
    """What steps take whose longest path takes so long. Of more than can run side by side some wait for a free place,
    at worst as long as Graham's bound for lists of tasks says."""
    if len(seconds) <= MOST_FAN_OUT:
        return longest
    return longest + (sum(seconds) - longest) / MOST_FAN_OUT


def _calls(step: Step, limits: Limits) -> tuple[int, int]:
    """Of tools and of models, at most."""
    tries = step.retries + 1
    match step.action:
        case CallTool():
            return tries, 0
        case AskModel(_, tools):
            return (limits.tool_calls if tools else 0), tries * most_rounds(step.action)
    return 0, 0


def _seconds(step: Step, workflow: Workflow, rules: Rules) -> float:
    """A model's time is bounded by the run's alone."""
    match step.action:
        case CallTool(tool, _):
            return rules.tools[tool].seconds * (step.retries + 1) + RETRY_SECONDS * ((1 << step.retries) - 1)
        case AskModel():
            return workflow.limits.seconds
    return 0
