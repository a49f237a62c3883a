"""What is posted to create a response. Unknown fields are ignored, since clients send new ones often; known ones that
cannot be heeded are refused where leaving them out would change what the caller gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates_schema

from app.engine.agent import AnswerOptions, ToolChoice, ToolSpec
from app.schemas.fields import BoundedList, Flag, Number
from app.schemas.lenient import AS_HEEDED, CEILING, KNOWN_BY_KEY, MODEL, NO_CACHE, STREAMS, LenientSchema, ignored, only
from app.web.requests.caller_tools import ONE_AT_A_TIME, check_choice
from app.web.requests.positions import CURSOR
from app.web.requests.question import MOST_MESSAGES
from app.wires.responses.options import ReasoningSchema, TextSchema, ToolChoiceField, ToolSchema
from app.wires.responses.resource import Asked

MOST_ITEMS = 100  # of a page
_MOST_TOOLS = 512
_ID = validate.Length(1, 256)
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


class InputSchema(LenientSchema):
    """What every operation takes that asks a model."""

    model = fields.String(required=True, validate=_ID, metadata=MODEL)
    input = _Input(
        required=True,
        metadata={"description": "What is said; the last item is the user's message, or the output of a call"},
    )
    instructions = fields.String(
        load_default="",
        validate=validate.Length(max=1_000_000),
        metadata={
            "description": "In place of the agent's instructions, where the agent has `allow_system = true`; "
            "else refused"
        },
    )
    previous_response_id = fields.String(
        load_default=None, validate=_ID, metadata={"description": "Goes on from a stored response"}
    )
    image = only(
        [{"context_compression": "auto"}, {"context_compression": "disabled"}], "Images are passed on as they are."
    )
    prompt_cache_options = ignored(NO_CACHE)
    prompt_cache_retention = ignored(NO_CACHE)
    service_tier = ignored("there is one, which is told as `default`")


class CompactRequestSchema(InputSchema):
    input = _Input(load_default=list, metadata={"description": "What is to be shortened"})
    prompt_cache_key = ignored(NO_CACHE)

    @validates_schema(skip_on_field_errors=True)
    def something_to_shorten(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data["input"] and not data["previous_response_id"]:
            raise ValidationError("Missing data for required field.", "input")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> CompactRequest:
        return CompactRequest(data["model"], data["input"], data["instructions"], data["previous_response_id"])


class ResponseRequestSchema(InputSchema):
    stream = Flag(load_default=False, metadata=STREAMS)
    background = Flag(
        load_default=False, metadata={"description": "Whether it goes on without its caller; needs `store`"}
    )
    store = Flag(
        load_default=True, metadata={"description": "Whether the response is found again, and can be gone on from"}
    )
    max_output_tokens = fields.Integer(strict=True, validate=validate.Range(1, 10_000_000), metadata=CEILING)
    temperature = Number(validate=validate.Range(0, 5), metadata=AS_HEEDED)
    top_p = Number(validate=validate.Range(0, 1), metadata=AS_HEEDED)
    tools = BoundedList(
        fields.Nested(ToolSchema),
        validate.Length(max=_MOST_TOOLS),
        load_default=list,
        metadata={"description": "Tools that run at the caller's"},
    )
    tool_choice = ToolChoiceField(
        load_default=ToolChoice,
        metadata={
            "default": "auto",
            "description": 'Which of these tools are called; one of them as `{"type": "function", "name": "NAME"}`',
        },
    )
    parallel_tool_calls = Flag(load_default=True, metadata=ONE_AT_A_TIME)
    text = fields.Nested(
        TextSchema, load_default=lambda: {"format": None}, metadata={"description": "Of what is answered"}
    )
    reasoning = fields.Nested(
        ReasoningSchema,
        load_default=lambda: {"effort": None, "summary": None},
        metadata={"description": "Of the model's thoughts"},
    )
    include = BoundedList(
        fields.String(validate=validate.Length(max=128)),
        validate.Length(max=100),
        load_default=list,
        metadata={
            "description": "`reasoning.encrypted_content`: thoughts come sealed, to be posted back; "
            "`message.output_text.logprobs` is refused, others change nothing"
        },
    )
    metadata = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"description": "Texts that are kept with the response, and told with it"},
    )
    safety_identifier = fields.String(
        load_default=None, validate=validate.Length(max=512), metadata={"description": "Told again, and nothing else"}
    )
    prompt_cache_key = fields.String(
        load_default=None, validate=validate.Length(max=512), metadata={"description": "Told again, and nothing else"}
    )
    max_tool_calls = only([], "Calls are not counted.")
    top_logprobs = only([0], _NO_PROBABILITIES)
    presence_penalty = only([0], "Penalties are not heeded.")
    frequency_penalty = only([0], "Penalties are not heeded.")
    prompt = only([], "No prompts are kept here: use instructions.")
    conversation = only([], "Use previous_response_id.")
    access_programs = only([{"cyber": "standard"}], "There are none here.")
    moderation = only([], "Responses are not moderated.")
    truncation = only(["auto"], "A conversation that is too long for its model is cut at its begin.")
    background_options = ignored("what goes on in the background begins at once")
    context_management = ignored("a conversation that is too long is cut at its begin")
    stream_options = ignored("events are not padded")
    user = ignored(KNOWN_BY_KEY)

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
