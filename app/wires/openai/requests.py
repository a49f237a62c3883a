"""What is posted to create a completion. Unknown fields are ignored, since clients send new ones often; known ones
that cannot be heeded are refused where leaving them out would change what the caller gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

from app.engine.agent import AnswerFormat, AnswerOptions, ToolChoice, ToolSpec
from app.schemas.fields import BoundedList, Flag, Number
from app.schemas.lenient import (
    AS_HEEDED,
    CEILING,
    KNOWN_BY_KEY,
    MODEL,
    NO_CACHE,
    ONE_TIER,
    STREAMS,
    LenientSchema,
    ignored,
    only,
)
from app.web.requests.caller_tools import NAME, NAMED, ONE_AT_A_TIME, SHAPED, ToolParameters, check_choice
from app.web.requests.question import MOST_MESSAGES
from app.wires.openai.conversation import PostedConversation, read_conversation
from app.wires.openai.posted_messages import FUNCTIONS_ALONE, ID, PostedMessageSchema

_MOST_TOOLS, _MOST_STOPS = 512, 16
_MOST_MODELS = 1000  # of a page, in Anthropic's API too
_LONGEST_NAME = 128  # characters: two of them fit into a request line, however they are encoded


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    model: str
    conversation: PostedConversation
    stream: bool
    include_usage: bool
    options: AnswerOptions
    tools: Sequence[ToolSpec]


class FunctionSchema(LenientSchema):
    name = fields.String(required=True, validate=NAME, metadata=NAMED)
    description = fields.String(load_default="", metadata={"description": "What the model is told of it"})
    parameters = ToolParameters(load_default=dict, metadata=SHAPED)
    strict = ignored("arguments are as the model makes them")


class ToolSchema(LenientSchema):
    type = fields.String(
        required=True,
        validate=validate.OneOf(["function"], error="Only functions can be called."),
        metadata=FUNCTIONS_ALONE,
    )
    function = fields.Nested(FunctionSchema, required=True, metadata={"description": "What can be called"})

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
    name = fields.String(required=True, validate=NAME, metadata=NAMED)
    schema = ToolParameters(required=True, metadata=SHAPED)
    description = fields.String(load_default="", metadata={"description": "What the model is told of it"})
    strict = Flag(load_default=None, metadata={"description": "Passed on to the model"})


class ResponseFormatSchema(LenientSchema):
    type = fields.String(
        required=True,
        validate=validate.OneOf(["text", "json_object", "json_schema"]),
        metadata={"description": "Prose, any JSON object, or one of a schema"},
    )
    json_schema = fields.Nested(JsonSchemaSchema, metadata={"description": "Needed with the type `json_schema`"})

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
    include_usage = Flag(load_default=False, metadata={"description": "A chunk with the usage comes last"})
    include_obfuscation = ignored("events are not padded")


class CompletionRequestSchema(LenientSchema):
    model = fields.String(required=True, validate=ID, metadata=MODEL)
    messages = BoundedList(
        fields.Nested(PostedMessageSchema),
        validate.Length(1, MOST_MESSAGES),
        required=True,
        metadata={"description": "The whole conversation; the last one is the user's, or a tool's"},
    )
    stream = Flag(load_default=False, metadata=STREAMS)
    stream_options = fields.Nested(StreamOptionsSchema, load_default=dict, metadata={"description": "Of a stream"})
    max_completion_tokens = fields.Integer(strict=True, validate=validate.Range(1, 10_000_000), metadata=CEILING)
    max_tokens = fields.Integer(
        strict=True,
        validate=validate.Range(1, 10_000_000),
        metadata={"description": "As `max_completion_tokens`; where both are there, the smaller one counts"},
    )
    temperature = Number(validate=validate.Range(0, 5), metadata=AS_HEEDED)
    top_p = Number(validate=validate.Range(0, 1), metadata=AS_HEEDED)
    seed = fields.Integer(strict=True, validate=validate.Range(-(2**63), 2**63 - 1), metadata=AS_HEEDED)
    stop = _Stop(
        load_default=tuple,
        metadata={"description": "What ends the answer, besides the configured texts; each has 1 to 1,024 characters"},
    )
    tools = BoundedList(
        fields.Nested(ToolSchema),
        validate.Length(max=_MOST_TOOLS),
        load_default=list,
        metadata={"description": "Tools that run at the caller's"},
    )
    tool_choice = _ToolChoice(
        load_default=ToolChoice,
        metadata={
            "default": "auto",
            "description": "Which of these tools are called; one of them as "
            '`{"type": "function", "function": {"name": "NAME"}}`',
        },
    )
    parallel_tool_calls = Flag(load_default=True, metadata=ONE_AT_A_TIME)
    response_format = fields.Nested(
        ResponseFormatSchema, load_default=None, metadata={"description": "What the answer is"}
    )
    reasoning_effort = fields.String(
        validate=validate.OneOf(["none", "minimal", "low", "medium", "high", "xhigh"]), metadata=AS_HEEDED
    )
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
    moderation = only([], "Answers are not moderated.")
    verbosity = only(["medium"], "Not heeded: say it in a message.")
    metadata = ignored("completions are not listed")
    store = ignored("answers are kept as the operator says")
    user = ignored(KNOWN_BY_KEY)
    safety_identifier = ignored(KNOWN_BY_KEY)
    service_tier = ignored(ONE_TIER)
    prediction = ignored("it would only save time")
    prompt_cache_key = ignored(NO_CACHE)
    prompt_cache_options = ignored(NO_CACHE)
    prompt_cache_retention = ignored(NO_CACHE)

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
        validate=validate.Length(1, _LONGEST_NAME),
        metadata={"description": "The last `id` of the page before"},
    )
    before_id = fields.String(
        load_default=None,
        validate=validate.Length(1, _LONGEST_NAME),
        metadata={"description": "The first `id` of the page behind"},
    )
