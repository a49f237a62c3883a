"""What is posted to create a completion. Unknown fields are ignored, since clients send new ones often; known ones
that cannot be heeded are refused where leaving them out would change what the caller gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

from app.engine.agent import AnswerFormat, AnswerOptions, ToolChoice, ToolSpec
from app.schemas.fields import MOST_MISTAKES, BoundedList, Flag, Number
from app.schemas.lenient import LenientSchema, TextOrParts, only
from app.web.requests.caller_tools import NAME, ToolParameters, check_choice
from app.web.requests.question import MOST_MESSAGES
from app.wires.openai.conversation import SYSTEM, PostedConversation, read_conversation

_MOST_ID = 256
_ID = validate.Length(1, _MOST_ID)
_MOST_CALLS, _MOST_TOOLS, _MOST_STOPS = 128, 512, 16
_MOST_MODELS = 1000  # of a page, in Anthropic's API too
_ROLES = [*SYSTEM, "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    model: str
    conversation: PostedConversation
    stream: bool
    include_usage: bool
    options: AnswerOptions
    tools: Sequence[ToolSpec]


class FunctionCallSchema(LenientSchema):
    name = fields.String(required=True, validate=NAME)
    arguments = fields.String(load_default="")


class CallSchema(LenientSchema):
    id = fields.String(required=True, validate=_ID)
    type = fields.String(load_default="function", validate=validate.OneOf(["function"]))
    function = fields.Nested(FunctionCallSchema, required=True)


class Calls(fields.Field[Sequence[Mapping[str, Any]]]):
    """Calls of functions, as CallSchema describes them, which takes its time for each: there may be thousands. So it
    looks at those alone that are wrong, for the words."""

    described = {"type": "array", "items": CallSchema, "maxItems": _MOST_CALLS}  # noqa: RUF012 - read only
    _length = validate.Length(max=_MOST_CALLS)
    _schema = CallSchema()

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            raise ValidationError("Not a valid list.")
        self._length(value)
        wrong = [index for index, call in enumerate(value) if not is_call(call)]
        if wrong:
            raise ValidationError({index: self._schema.validate(value[index]) for index in wrong[:MOST_MISTAKES]})
        return value


def is_call(value: Any) -> bool:
    """Whether CallSchema takes it."""
    match value:
        case {"id": str(id), "function": {"name": str(name)} as function}:
            is_function = value.get("type", "function") in ("function", None)
            is_text = isinstance(function.get("arguments", ""), str | None)
            return is_function and is_text and 0 < len(id) <= _MOST_ID and NAME.regex.match(name) is not None
    return False


class PostedMessageSchema(LenientSchema):
    role = fields.String(required=True, validate=validate.OneOf(_ROLES))
    content = TextOrParts(metadata={"description": "May be null or left out beside `tool_calls`"})
    tool_calls = Calls()
    tool_call_id = fields.String(validate=_ID, metadata={"description": "Of a tool's message"})

    @validates_schema(skip_on_field_errors=True)
    def as_its_role_has_it(self, data: Mapping[str, Any], **_: Any) -> None:
        role = data["role"]
        if data.get("content") is None and not (role == "assistant" and data.get("tool_calls")):
            raise ValidationError("Missing data for required field.", "content")
        if role == "tool" and "tool_call_id" not in data:
            raise ValidationError("Missing data for required field.", "tool_call_id")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"content": None, **data}


class FunctionSchema(LenientSchema):
    name = fields.String(required=True, validate=NAME)
    description = fields.String(load_default="")
    parameters = ToolParameters(load_default=dict)


class ToolSchema(LenientSchema):
    type = fields.String(required=True, validate=validate.OneOf(["function"], error="Only functions can be called."))
    function = fields.Nested(FunctionSchema, required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ToolSpec:
        function = data["function"]
        return ToolSpec(function["name"], function["description"], function["parameters"])


class _ToolChoice(fields.Field[ToolChoice]):
    """`none`, `auto`, `required`, or the function that is to be called."""

    described = {  # noqa: RUF012 - read only
        "oneOf": [{"enum": ["none", "auto", "required"]}, {"type": "object", "required": ["type", "function"]}]
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> ToolChoice:
        match value:
            case "none" | "auto" | "required":
                return ToolChoice(value)
            case {"type": "function", "function": {"name": str(name)}}:
                return ToolChoice("required", name)
        raise ValidationError("Must be none, auto, required, or a function's name.")


class JsonSchemaSchema(LenientSchema):
    name = fields.String(required=True, validate=NAME)
    schema = ToolParameters(required=True)
    description = fields.String(load_default="")
    strict = Flag(load_default=None)


class ResponseFormatSchema(LenientSchema):
    type = fields.String(required=True, validate=validate.OneOf(["text", "json_object", "json_schema"]))
    json_schema = fields.Nested(JsonSchemaSchema)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> AnswerFormat | None:
        if data["type"] != "json_schema":
            return AnswerFormat() if data["type"] == "json_object" else None
        if "json_schema" not in data:
            raise ValidationError("Missing data for required field.", "json_schema")
        return AnswerFormat(**data["json_schema"])


class _Stop(fields.Field[tuple[str, ...]]):
    """A text, or some."""

    described = {  # noqa: RUF012 - read only
        "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": _MOST_STOPS}]
    }
    _texts = BoundedList(fields.String(validate=validate.Length(1, 1024)), validate.Length(max=_MOST_STOPS))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        texts: Any = self._texts.deserialize([value] if isinstance(value, str) else value, attr, data)
        return tuple(texts)


class StreamOptionsSchema(LenientSchema):
    include_usage = Flag(load_default=False)


class CompletionRequestSchema(LenientSchema):
    model = fields.String(
        required=True,
        validate=validate.Length(1, 256),
        metadata={"description": "The key's agent, by its id, or one of its models, by its name or an alias"},
    )
    messages = BoundedList(fields.Nested(PostedMessageSchema), validate.Length(1, MOST_MESSAGES), required=True)
    stream = Flag(load_default=False)
    stream_options = fields.Nested(StreamOptionsSchema, load_default=dict)
    max_tokens = fields.Integer(strict=True, validate=validate.Range(1, 10_000_000))
    max_completion_tokens = fields.Integer(strict=True, validate=validate.Range(1, 10_000_000))
    temperature = Number(validate=validate.Range(0, 5))
    top_p = Number(validate=validate.Range(0, 1))
    seed = fields.Integer(strict=True, validate=validate.Range(-(2**63), 2**63 - 1))
    stop = _Stop(load_default=tuple)
    tools = BoundedList(fields.Nested(ToolSchema), validate.Length(max=_MOST_TOOLS), load_default=list)
    tool_choice = _ToolChoice(load_default=ToolChoice)
    parallel_tool_calls = Flag(load_default=True)
    response_format = fields.Nested(ResponseFormatSchema, load_default=None)
    reasoning_effort = fields.String(validate=validate.OneOf(["none", "minimal", "low", "medium", "high", "xhigh"]))
    n = only([1], "One choice is all that there is.")
    logprobs = only([False], "Probabilities of tokens are not told.")
    top_logprobs = only([0], "Probabilities of tokens are not told.")
    modalities = only([["text"]], "Only text is answered.")
    audio = only([], "Only text is answered.")
    functions = only([[]], "Outdated: use tools.")
    function_call = only([], "Outdated: use tool_choice.")
    presence_penalty = only([0], "Penalties are not heeded.")
    frequency_penalty = only([0], "Penalties are not heeded.")
    logit_bias = only([{}], "Tokens are not weighed.")
    web_search_options = only([], "The web is not searched.")

    @validates_schema(skip_on_field_errors=True)
    def choice_among_tools(self, data: Mapping[str, Any], **_: Any) -> None:
        check_choice(data["tool_choice"], data["tools"])

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> CompletionRequest:
        limits = [data[name] for name in ("max_completion_tokens", "max_tokens") if name in data]
        asked = {name: data[name] for name in ("temperature", "top_p", "seed", "stop", "tool_choice") if name in data}
        options = AnswerOptions(
            max_tokens=min(limits, default=None),
            effort=data.get("reasoning_effort"),
            format=data["response_format"],
            one_call_at_a_time=not data["parallel_tool_calls"],
            **asked,
        )
        return CompletionRequest(
            model=data["model"],
            conversation=read_conversation(data["messages"]),
            stream=data["stream"],
            include_usage=bool(data["stream_options"].get("include_usage")),
            options=options,
            tools=data["tools"],
        )


class ModelsQuerySchema(Schema):
    """As Anthropic's clients ask for a page; OpenAI's get all."""

    class Meta:
        unknown = EXCLUDE

    limit = fields.Integer(load_default=_MOST_MODELS, validate=validate.Range(1, _MOST_MODELS))
    after_id = fields.String(
        load_default=None,
        validate=validate.Length(1, 256),
        metadata={"description": "The last `id` of the page before"},
    )
    before_id = fields.String(
        load_default=None,
        validate=validate.Length(1, 256),
        metadata={"description": "The first `id` of the page behind"},
    )
