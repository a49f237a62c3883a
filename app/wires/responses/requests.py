"""What is posted to create a response. Unknown fields are ignored, since clients send new ones often; known ones that
cannot be heeded are refused where leaving them out would change what the caller gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

from app.engine.agent import AnswerFormat, AnswerOptions, ToolChoice, ToolSpec
from app.schemas.fields import BoundedList, Flag, Number
from app.schemas.lenient import LenientSchema, only
from app.web.requests.caller_tools import NAME, ToolParameters, check_choice
from app.web.requests.positions import CURSOR
from app.web.requests.question import MOST_MESSAGES
from app.wires.responses.resource import Asked

MOST_ITEMS = 100  # of a page
_MOST_TOOLS = 512
_EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh"]
_NO_PROBABILITIES = "Probabilities of tokens are not told."


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """`items` are the input's, as they were posted; a text is one message."""

    asked: Asked
    items: Sequence[Mapping[str, Any]]
    stream: bool
    options: AnswerOptions
    tools: Sequence[ToolSpec]


@dataclass(frozen=True, slots=True)
class CompactRequest:
    model: str
    items: Sequence[Mapping[str, Any]]
    instructions: str
    previous_response_id: str | None


class _Input(fields.Field[Any]):
    """A text, or items, each with a `type` or, of a message, with a `role`."""

    described = {  # noqa: RUF012 - read only
        "oneOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": MOST_MESSAGES},
        ]
    }
    _items = BoundedList(fields.Dict(), validate.Length(1, MOST_MESSAGES))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str):
            return [{"type": "message", "role": "user", "content": value}]
        return self._items.deserialize(value, attr, data)


class ToolSchema(LenientSchema):
    type = fields.String(required=True, validate=validate.OneOf(["function"], error="Only functions can be called."))
    name = fields.String(required=True, validate=NAME)
    description = fields.String(load_default="")
    parameters = ToolParameters(load_default=dict)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ToolSpec:
        return ToolSpec(data["name"], data["description"], data["parameters"])


class _ToolChoice(fields.Field[ToolChoice]):
    """`none`, `auto`, `required`, or the function that is to be called."""

    described = {  # noqa: RUF012 - read only
        "oneOf": [{"enum": ["none", "auto", "required"]}, {"type": "object", "required": ["type", "name"]}]
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> ToolChoice:
        match value:
            case "none" | "auto" | "required":
                return ToolChoice(value)
            case {"type": "function", "name": str(name)}:
                return ToolChoice("required", name)
        raise ValidationError("Must be none, auto, required, or a function's name.")


class FormatSchema(LenientSchema):
    type = fields.String(required=True, validate=validate.OneOf(["text", "json_object", "json_schema"]))
    name = fields.String(validate=NAME)
    schema = ToolParameters()
    description = fields.String(load_default="")
    strict = Flag(load_default=None)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> AnswerFormat | None:
        if data["type"] != "json_schema":
            return AnswerFormat() if data["type"] == "json_object" else None
        missing = [name for name in ("name", "schema") if name not in data]
        if missing:
            raise ValidationError("Missing data for required field.", missing[0])
        return AnswerFormat(data["schema"], data["name"], data["description"], data["strict"])


class TextSchema(LenientSchema):
    format = fields.Nested(FormatSchema, load_default=None)


class ReasoningSchema(LenientSchema):
    effort = fields.String(load_default=None, validate=validate.OneOf(_EFFORTS))
    summary = fields.String(
        load_default=None,
        validate=validate.OneOf(["auto", "concise", "detailed"]),
        metadata={"description": "Told again; thoughts that a model shows are told in any case"},
    )


class InputSchema(LenientSchema):
    """What every operation takes that asks a model."""

    model = fields.String(
        required=True,
        validate=validate.Length(1, 256),
        metadata={"description": "The key's agent, by its id, or one of its models, by its name or an alias"},
    )
    input = _Input(required=True)
    instructions = fields.String(load_default="", validate=validate.Length(max=1_000_000))
    previous_response_id = fields.String(load_default=None, validate=validate.Length(1, 256))


class CompactRequestSchema(InputSchema):
    input = _Input(load_default=list)

    @validates_schema(skip_on_field_errors=True)
    def something_to_shorten(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data["input"] and not data["previous_response_id"]:
            raise ValidationError("Missing data for required field.", "input")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> CompactRequest:
        return CompactRequest(data["model"], data["input"], data["instructions"], data["previous_response_id"])


class ResponseRequestSchema(InputSchema):
    stream = Flag(load_default=False)
    background = Flag(load_default=False)
    store = Flag(load_default=True)
    max_output_tokens = fields.Integer(strict=True, validate=validate.Range(1, 10_000_000))
    temperature = Number(validate=validate.Range(0, 5))
    top_p = Number(validate=validate.Range(0, 1))
    tools = BoundedList(fields.Nested(ToolSchema), validate.Length(max=_MOST_TOOLS), load_default=list)
    tool_choice = _ToolChoice(load_default=ToolChoice)
    parallel_tool_calls = Flag(load_default=True)
    text = fields.Nested(TextSchema, load_default=lambda: {"format": None})
    reasoning = fields.Nested(ReasoningSchema, load_default=lambda: {"effort": None, "summary": None})
    include = BoundedList(fields.String(validate=validate.Length(max=128)), validate.Length(max=100), load_default=list)
    metadata = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
    safety_identifier = fields.String(load_default=None, validate=validate.Length(max=512))
    prompt_cache_key = fields.String(load_default=None, validate=validate.Length(max=512))
    max_tool_calls = only([], "Calls are not counted.")
    top_logprobs = only([0], _NO_PROBABILITIES)
    presence_penalty = only([0], "Penalties are not heeded.")
    frequency_penalty = only([0], "Penalties are not heeded.")
    prompt = only([], "No prompts are kept here: use instructions.")
    conversation = only([], "Use previous_response_id.")

    @validates_schema(skip_on_field_errors=True)
    def as_they_go_together(self, data: Mapping[str, Any], **_: Any) -> None:
        check_choice(data["tool_choice"], data["tools"])
        if data["background"] and not data["store"]:
            raise ValidationError("What goes on in the background has to be stored.", "background")
        if "message.output_text.logprobs" in data["include"]:
            raise ValidationError(_NO_PROBABILITIES, "include")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ResponseRequest:
        sampling = {name: data[name] for name in ("temperature", "top_p") if name in data}
        options = AnswerOptions(
            max_tokens=data.get("max_output_tokens"),
            effort=data["reasoning"]["effort"],
            format=data["text"]["format"],
            tool_choice=data["tool_choice"],
            one_call_at_a_time=not data["parallel_tool_calls"],
            **sampling,
        )
        asked = Asked.of(data, options)
        return ResponseRequest(asked, data["input"], data["stream"], options, data["tools"])


class _Query(Schema):
    class Meta:
        unknown = EXCLUDE


class ResponseQuerySchema(_Query):
    """Without `stream` the response as it stands. `starting_after` is the `sequence_number` of the last event."""

    stream = fields.Boolean(load_default=False)
    starting_after = fields.Integer(load_default=-1, validate=validate.Range(-1, 2**53))
    cursor = CURSOR


class ItemsQuerySchema(_Query):
    limit = fields.Integer(load_default=20, validate=validate.Range(1, MOST_ITEMS))
    order = fields.String(load_default="desc", validate=validate.OneOf(["asc", "desc"]))
    after = fields.String(load_default=None, validate=validate.Length(1, 256))
