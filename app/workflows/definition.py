"""What a workflow is, and how its definition is read: docs/workflows.md."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.engine.messages import is_too_deep
from app.schemas.fields import Number
from app.workflows.templates.filters import TemplateError
from app.workflows.templates.language import Template

MOST_STEPS = 50
MOST_TEXT = 20_000  # characters of all templates of a workflow; compiling them takes time,
MOST_ARGUMENTS = 1000  # texts in `args`, however short they are: these are templates too
MOST_RETRIES = 3
RETRY_SECONDS = 0.2  # before the first retry, and twice as long before each further one
MOST_ROUNDS = 6  # of one step with its model, where it has tools


@dataclass(frozen=True, slots=True)
class CallTool:
    """`args` holds a Template for each text in it."""

    tool: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AskModel:
    prompt: Template
    tools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Say:
    text: Template


@dataclass(frozen=True, slots=True)
class Step:
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
    """What one run may take; also what the configuration allows at most."""

    seconds: float = 60
    tool_calls: int = 20
    model_calls: int = 12


@dataclass(frozen=True, slots=True)
class Workflow:
    """`definition` is what its author wrote, without id and version."""

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
    tools = fields.List(fields.String(), validate=validate.Length(max=20))
    say = fields.String(validate=validate.Length(1))
    depends_on = fields.List(fields.String(), validate=validate.Length(max=MOST_STEPS), data_key="dependsOn")
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
    steps = fields.List(fields.Nested(StepSchema), required=True, validate=validate.Length(1, MOST_STEPS))
    limits = fields.Nested(LimitsSchema)


def read(workflow_id: str, version: int, definition: Mapping[str, Any]) -> Workflow:
    """The workflow of a definition, its templates compiled. Raises ValidationError."""
    if is_too_deep(definition):
        raise ValidationError("Nested too deeply.")
    listed = definition.get("steps")
    if isinstance(listed, list) and len(listed) > MOST_STEPS:  # before each of ten thousand is looked at
        raise ValidationError({"steps": [f"There are more than {MOST_STEPS} steps."]})
    data = WorkflowSchema().load(definition)
    if sum(map(len, _texts(data["steps"]))) > MOST_TEXT:
        raise ValidationError({"steps": [f"Their texts have more than {MOST_TEXT} characters in all."]})
    if sum(1 for step in data["steps"] for _ in _texts(step.get("args", {}))) > MOST_ARGUMENTS:
        raise ValidationError({"steps": [f"There are more than {MOST_ARGUMENTS} texts in their args in all."]})
    steps, mistakes = [], {}
    for index, step in enumerate(data["steps"]):
        try:
            steps.append(_step(step))
        except ValidationError as error:
            mistakes[index] = error.messages
    if mistakes:
        raise ValidationError({"steps": mistakes})
    return Workflow(workflow_id, data["name"], version, tuple(steps), Limits(**data.get("limits", {})), definition)


def _step(data: Mapping[str, Any]) -> Step:
    action: CallTool | AskModel | Say
    if "tool" in data:
        action = CallTool(data["tool"], _args(data.get("args", {}), "args"))
    elif "prompt" in data:
        action = AskModel(_template(data["prompt"], "prompt"), tuple(data.get("tools", ())))
    else:
        action = Say(_template(data["say"], "say"))
    return Step(
        id=data["id"],
        name=data.get("name", data["id"]),
        action=action,
        depends_on=tuple(data.get("depends_on", ())),
        when=_template(data["when"], "when") if "when" in data else None,
        retries=data.get("retries", 0),
        on_error=data.get("on_error", "fail"),
    )


def _template(source: str, place: str) -> Template:
    try:
        return Template(source)
    except TemplateError as error:
        raise ValidationError({place: [str(error)]}) from error


def _args(value: Any, place: str, depth: int = 0) -> Any:
    """The same with a Template in place of each text."""
    if depth > 8:
        raise ValidationError({"args": ["Nested too deeply."]})
    if isinstance(value, str):
        return _template(value, place)
    if isinstance(value, Mapping):
        return {str(key): _args(inner, f"{place}.{key}", depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_args(inner, f"{place}.{index}", depth + 1) for index, inner in enumerate(value)]
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def most_rounds(action: AskModel) -> int:
    """How often one try of it may ask the model: also one that calls tools where it has none."""
    return MOST_ROUNDS if action.tools else 1


def templates(step: Step) -> Iterator[Template]:
    """Every template of a step."""
    if step.when:
        yield step.when
    yield from templates_of(step.action)


def templates_of(action: CallTool | AskModel | Say) -> Iterator[Template]:
    match action:
        case CallTool(_, args):
            yield from _templates(args)
        case AskModel(prompt, _):
            yield prompt
        case Say(text):
            yield text


def _templates(value: Any) -> Iterator[Template]:
    if isinstance(value, Template):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _templates(inner)
