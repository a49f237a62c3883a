"""Checks of a workflow before it ever runs: the mistakes in it, and the worst case of a run."""

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

MOST_DEPTH = 20  # steps in a row, each of which waits for the one before
MOST_FAN_OUT = 10  # steps that may start at the same moment; also steps that run concurrently


@dataclass(frozen=True, slots=True)
class Bound:
    """The worst case of one run, within the workflow's own limits.

    - `depth`: steps in the longest row. `fan_out`: steps that may start at the same moment.
    - `tool_calls`, `model_calls`: with all retries and rounds.
    - `seconds`: with all time limits of tools and all pauses before retries.
    """

    steps: int
    depth: int
    fan_out: int
    tool_calls: int
    model_calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What workflows may use: tools, by their names, and the worst case that a run may have."""

    tools: Mapping[str, Tool]
    ceilings: Limits = field(default_factory=lambda: Limits(seconds=120, tool_calls=50, model_calls=20))


def check(workflow: Workflow, rules: Rules) -> Bound:
    """The worst case of a run.

    Raises ValidationError: first with all mistakes within steps, then for a cycle, then with all references to steps
    that are not waited for, then for a worst case that the rules do not admit.
    """
    mistakes: dict[int, dict[str, list[str]]] = {}
    ids = {step.id for step in workflow.steps}
    for index, step in enumerate(workflow.steps):
        in_step: dict[str, list[str]] = {}
        for key, message in _mistakes(step, workflow.steps[:index], ids, rules):
            in_step.setdefault(key, []).append(message)
        if in_step:
            mistakes[index] = in_step
    if mistakes:
        raise ValidationError({"steps": mistakes})
    graph = {step.id: set(step.depends_on) for step in workflow.steps}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle = " -> ".join(reversed(error.args[1]))
        raise ValidationError({"steps": [f"These wait for each other: {cycle}."]}) from error
    ancestors: dict[str, set[str]] = {}  # all steps that a step waits for, also through others; in a possible order
    for step_id in order:
        ancestors[step_id] = graph[step_id].union(*(ancestors[other] for other in graph[step_id]))
    _check_references(workflow, ancestors)
    return _bound(workflow, graph, ancestors, rules)


def most_paid(workflow: Workflow) -> int:
    """The most models that have to be paid for one run: that of each step that asks one, for each of its tries."""
    tries = sum(step.retries + 1 for step in workflow.steps if isinstance(step.action, AskModel))
    return min(tries, workflow.limits.model_calls)


def _mistakes(step: Step, before: Sequence[Step], ids: set[str], rules: Rules) -> Iterator[tuple[str, str]]:
    """The keys of a step with mistakes, and messages. `before` are the steps before it in the list."""
    if any(step.id == other.id for other in before):
        yield "id", f"There are two steps {step.id!r}."
    for other in step.depends_on:
        if other == step.id:
            yield "dependsOn", "A step cannot wait for itself."
        elif other not in ids:
            yield "dependsOn", f"There is no step {other!r}."
    if len(set(step.depends_on)) < len(step.depends_on):
        yield "dependsOn", "Names a step twice."
    yield from _tool_mistakes(step.action, rules)


def _tool_mistakes(action: CallTool | AskModel | Say, rules: Rules) -> Iterator[tuple[str, str]]:
    match action:
        case CallTool(tool, args):
            names, key = [tool], "tool"
            if tool in rules.tools:
                yield from (("args", message) for message in rules.tools[tool].check_names(args))
        case AskModel(_, tools):
            names, key = list(tools), "tools"
        case _:
            names, key = [], ""
    if len(set(names)) < len(names):
        yield key, "Names a tool twice."  # which models' APIs refuse
    for tool in names:
        if tool not in rules.tools:
            yield key, f"There is no tool {tool!r}; there are: {', '.join(sorted(rules.tools)) or 'none'}."


def _check_references(workflow: Workflow, ancestors: Mapping[str, set[str]]) -> None:
    """Raises ValidationError where a template refers to a step that may not have ended by then."""
    mistakes = {}
    for index, step in enumerate(workflow.steps):
        unknown = {name for template in templates(step) for name in template.steps} - ancestors[step.id]
        if unknown:
            name = min(unknown)
            mistakes[index] = {"dependsOn": [f"steps.{name} is used, but the step does not wait for {name!r}."]}
    if mistakes:
        raise ValidationError({"steps": mistakes})


def _bound(workflow: Workflow, graph: Mapping[str, set[str]], ancestors: Mapping[str, set[str]], rules: Rules) -> Bound:
    """The worst case. Raises ValidationError where the rules do not admit it."""
    depth: dict[str, int] = {}
    ends: dict[str, float] = {}  # seconds after the start of the run
    seconds = {step.id: _seconds(step, workflow, rules) for step in workflow.steps}
    for step_id in ancestors:
        waits_for = graph[step_id]
        depth[step_id] = 1 + max((depth[other] for other in waits_for), default=0)
        ends[step_id] = seconds[step_id] + max((ends[other] for other in waits_for), default=0)
    fan_out = max(_started_by(step_id, graph, ancestors) for step_id in (None, *ancestors))
    limits, ceilings = workflow.limits, rules.ceilings
    calls = [_calls(step, limits) for step in workflow.steps]
    bound = Bound(
        steps=len(ancestors),
        depth=max(depth.values()),
        fan_out=fan_out,
        tool_calls=min(sum(tool for tool, _ in calls), limits.tool_calls),
        model_calls=min(sum(model for _, model in calls), limits.model_calls),
        seconds=min(_with_waiting(max(ends.values()), [*seconds.values()]), limits.seconds),
    )
    for place, value, most, unit in (
        ("steps", bound.depth, MOST_DEPTH, "of them wait for one another in a row"),
        ("steps", bound.fan_out, MOST_FAN_OUT, "of them start at the same moment"),
        ("limits.toolCalls", bound.tool_calls, ceilings.tool_calls, "tool calls could be made in a run"),
        ("limits.modelCalls", bound.model_calls, ceilings.model_calls, "calls of models could be made in a run"),
        ("limits.seconds", bound.seconds, ceilings.seconds, "seconds could be spent on a run"),
    ):
        if value > most:
            raise ValidationError({place: [f"{value:g} {unit}; {most:g} is the most."]})
    return bound


def _started_by(step_id: str | None, graph: Mapping[str, set[str]], ancestors: Mapping[str, set[str]]) -> int:
    """How many steps may start when this one ends: those that wait for it and for no step that comes after it. None
    stands for the start of the run."""
    if step_id is None:
        return sum(not waits for waits in graph.values())
    return sum(step_id in waits and not any(step_id in ancestors[other] for other in waits) for waits in graph.values())


def _with_waiting(longest: float, seconds: Sequence[float]) -> float:
    """The seconds of a run whose steps take so long, and those on its longest path `longest` in all. Of more steps than
    may run concurrently some wait for a free place, at worst as long as Graham's bound for list scheduling says."""
    if len(seconds) <= MOST_FAN_OUT:
        return longest
    return longest + (sum(seconds) - longest) / MOST_FAN_OUT


def _calls(step: Step, limits: Limits) -> tuple[int, int]:
    """The most calls of tools and of models."""
    attempts = step.retries + 1
    match step.action:
        case CallTool():
            return attempts, 0
        case AskModel(_, tools):
            return (limits.tool_calls if tools else 0), attempts * most_rounds(step.action)
    return 0, 0


def _seconds(step: Step, workflow: Workflow, rules: Rules) -> float:
    """The most seconds of a step with its retries. Only the run's own limit ends a model."""
    match step.action:
        case CallTool(tool, _):
            return rules.tools[tool].seconds * (step.retries + 1) + RETRY_SECONDS * ((1 << step.retries) - 1)
        case AskModel():
            return workflow.limits.seconds
    return 0
