"""What a workflow is, and how its definition (docs/workflows.md) is read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.engine.messages import is_too_deep
from app.schemas.fields import BoundedList, Number
from app.workflows.templates.filters import TemplateError
from app.workflows.templates.language import Template

MOST_STEPS = 50
MOST_TEXT = 20_000  # characters of all texts of a workflow, as compiling templates takes time
MOST_ARGUMENTS = 1000  # texts in all `args` of a workflow: each is a template, however short it is
MOST_RETRIES = 3
RETRY_SECONDS = 0.2  # before the first retry; twice as long before each further one
MOST_ROUNDS = 6  # of one attempt at a model step with tools


@dataclass(frozen=True, slots=True)
class CallTool:
    """`args` is a JSON value with a Template in place of each text."""

    tool: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AskModel:
    """`tools` are the names of the tools that the model may call."""

    prompt: Template
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Say:
    text: Template


@dataclass(frozen=True, slots=True)
class Step:
    """`retries`: attempts after the first. `on_error`: whether a failed step fails the run."""

    id: str
    name: str
    action: CallTool | AskModel | Say
    depends_on: tuple[str, ...]
    when: Template | None
    retries: int
    on_error: Literal["fail", "continue"]

    @property
    def has_text(self) -> bool:
        """Whether its result is a text that is meant for the caller."""
        return not isinstance(self.action, CallTool)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take: its own limits, or the most that the configuration lets workflows set."""

    seconds: float = 60
    tool_calls: int = 20
    model_calls: int = 12


@dataclass(frozen=True, slots=True)
class Workflow:
    """`definition` is what its author wrote (JSON), without id and version."""

    id: str
    name: str
    version: int
    steps: tuple[Step, ...]
    limits: Limits
    definition: Mapping[str, Any]


class StepSchema(Schema):
    id = fields.String(
        required=True,
        validate=validate.Regexp(r"[A-Za-z][A-Za-z0-9_]{0,31}\Z", error="Use 1 to 32 letters, digits, underscores."),
    )
    name = fields.String(validate=validate.Length(1, 100))
    tool = fields.String()
    args = fields.Dict(fields.String())
    prompt = fields.String(validate=validate.Length(1))
    tools = BoundedList(fields.String(), validate.Length(max=20))
    say = fields.String(validate=validate.Length(1))
    depends_on = BoundedList(fields.String(), validate.Length(max=MOST_STEPS), data_key="dependsOn")
    when = fields.String(validate=validate.Length(1))
    retries = fields.Integer(strict=True, validate=validate.Range(0, MOST_RETRIES))
    on_error = fields.String(validate=validate.OneOf(["fail", "continue"]), data_key="onError")

    @validates_schema
    def one_kind(self, data: Mapping[str, Any], **_: Any) -> None:
        kinds = [kind for kind in ("tool", "prompt", "say") if kind in data]
        if len(kinds) != 1:
            raise ValidationError("Exactly one of tool, prompt and say is needed.")
        for field, kind in (("args", "tool"), ("tools", "prompt")):
            if field in data and kinds != [kind]:
                raise ValidationError(f"Belongs to a step with {kind!r}.", field)


class LimitsSchema(Schema):
    seconds = Number(validate=validate.Range(0, min_inclusive=False))
    tool_calls = fields.Integer(strict=True, validate=validate.Range(0), data_key="toolCalls")
    model_calls = fields.Integer(strict=True, validate=validate.Range(0), data_key="modelCalls")


class WorkflowSchema(Schema):
    """A definition, without id and version."""

    name = fields.String(required=True, validate=validate.Length(1, 100))
    steps = BoundedList(fields.Nested(StepSchema), validate.Length(1, MOST_STEPS), required=True)
    limits = fields.Nested(LimitsSchema)


def read(workflow_id: str, version: int, definition: Mapping[str, Any]) -> Workflow:
    """The workflow that a definition (JSON) describes, with its templates compiled. Its graph and tools are yet to be
    checked (checks.py). Raises ValidationError."""
    if is_too_deep(definition):
        raise ValidationError("Nested too deeply.")
    data = WorkflowSchema().load(definition)
    if sum(len(leaf) for leaf in _leaves(data["steps"]) if isinstance(leaf, str)) > MOST_TEXT:
        raise ValidationError({"steps": [f"Their texts have more than {MOST_TEXT} characters in all."]})
    if sum(isinstance(leaf, str) for step in data["steps"] for leaf in _leaves(step.get("args"))) > MOST_ARGUMENTS:
        raise ValidationError({"steps": [f"There are more than {MOST_ARGUMENTS} texts in their args in all."]})
    read_steps, mistakes = [], {}
    for index, step in enumerate(data["steps"]):
        try:
            read_steps.append(_read_step(step))
        except ValidationError as error:
            mistakes[index] = error.messages
    if mistakes:
        raise ValidationError({"steps": mistakes})
    return Workflow(workflow_id, data["name"], version, tuple(read_steps), Limits(**data.get("limits", {})), definition)


def _read_step(data: Mapping[str, Any]) -> Step:
    action: CallTool | AskModel | Say
    if "tool" in data:
        action = CallTool(data["tool"], _read_args(data.get("args", {}), "args"))
    elif "prompt" in data:
        action = AskModel(_read_template(data["prompt"], "prompt"), tuple(data.get("tools", ())))
    else:
        action = Say(_read_template(data["say"], "say"))
    return Step(
        id=data["id"],
        name=data.get("name", data["id"]),
        action=action,
        depends_on=tuple(data.get("depends_on", ())),
        when=_read_template(data["when"], "when") if "when" in data else None,
        retries=data.get("retries", 0),
        on_error=data.get("on_error", "fail"),
    )


def _read_template(source: str, place: str) -> Template:
    try:
        return Template(source)
    except TemplateError as error:
        raise ValidationError({place: [str(error)]}) from error


def _read_args(value: Any, place: str, depth: int = 0) -> Any:
    """The value with a Template in place of each text; `place` is its path, for messages."""
    if depth > 8:
        raise ValidationError({"args": ["Nested too deeply."]})
    if isinstance(value, str):
        return _read_template(value, place)
    if isinstance(value, Mapping):
        return {str(key): _read_args(inner, f"{place}.{key}", depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_read_args(inner, f"{place}.{index}", depth + 1) for index, inner in enumerate(value)]
    return value


def _leaves(value: Any) -> Iterator[Any]:
    """The values in nested mappings and lists that are neither of them."""
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(inner)
    else:
        yield value


def most_rounds(action: AskModel) -> int:
    """The most rounds of one attempt. Without tools it is one: a model that calls some anyway is not asked again."""
    return MOST_ROUNDS if action.tools else 1


def templates(step: Step) -> Iterator[Template]:
    """All templates of a step, its condition's first."""
    if step.when:
        yield step.when
    yield from templates_of(step.action)


def templates_of(action: CallTool | AskModel | Say) -> Iterator[Template]:
    """All templates of an action, in the order in which they are written."""
    match action:
        case CallTool(_, args):
            yield from (leaf for leaf in _leaves(args) if isinstance(leaf, Template))
        case AskModel(prompt, _):
            yield prompt
        case Say(text):
            yield text
