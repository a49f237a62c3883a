"""What is posted to create a message, or to count its tokens. Unknown fields are ignored, since clients send new ones
every month; known ones that cannot be heeded are refused where leaving them out would change what the caller gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from app.engine.agent import AnswerFormat, AnswerOptions, Effort, ToolChoice, ToolSpec
from app.engine.messages import Message, text_message
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
    TextOrParts,
    ignored,
    only,
)
from app.web.requests.caller_tools import NAME, NAMED, SHAPED, ToolParameters, check_choice
from app.web.requests.question import MOST_MESSAGES
from app.wires.messages.conversation import PostedConversation, read_conversation
from app.wires.messages.errors import NO_THREADS

_ID = validate.Length(1, 256)
_MOST_TOOLS, _MOST_STOPS = 512, 16
_AS_MADE = "calls are as the model makes them"
_EFFORTS: Sequence[tuple[int, Effort]] = ((1024, "minimal"), (2048, "low"), (8192, "medium"), (16384, "high"))
"""The effort that a budget for thinking (tokens) stands for, up to each; above them all it is the greatest."""


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """`system` are the caller's instructions, none or one message. `thinks` is whether it is shown thoughts."""

    model: str
    system: tuple[Message, ...]
    conversation: PostedConversation
    stream: bool
    thinks: bool
    options: AnswerOptions
    tools: Sequence[ToolSpec]


class _System(TextOrParts):
    """A text, or blocks of text; one message of the system, or none."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[Message, ...]:
        content = super()._deserialize(value, attr, data, **kwargs)
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not all(block["type"] == "text" and isinstance(block.get("text"), str) for block in blocks):
            raise ValidationError("Only text may stand here.")
        text = "\n\n".join(block["text"] for block in blocks)
        return (text_message("system", text),) if text.strip() else ()


class PostedMessageSchema(LenientSchema):
    role = fields.String(
        required=True, validate=validate.OneOf(["user", "assistant"]), metadata={"description": "Whose it is"}
    )
    content = TextOrParts(required=True, metadata={"description": "A text, or blocks"})


class ToolSchema(LenientSchema):
    type = fields.String(
        load_default="custom",
        validate=validate.Equal("custom", error="Only tools of the caller's own can be called."),
        metadata={"description": "Tools of the vendor's own (`web_search_…`, `bash_…`, `computer_…`) are refused"},
    )
    name = fields.String(required=True, validate=NAME, metadata=NAMED)
    description = fields.String(load_default="", metadata={"description": "What the model is told of it"})
    input_schema = ToolParameters(required=True, metadata=SHAPED)
    allowed_callers = ignored("models call tools directly")
    cache_control = ignored(NO_CACHE)
    defer_loading = ignored("the model is told of all tools")
    eager_input_streaming = ignored("a call is told as a whole")
    input_examples = ignored("the model is told the schema")
    strict = ignored(_AS_MADE)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ToolSpec:
        return ToolSpec(data["name"], data["description"], data["input_schema"])


class ToolChoiceSchema(LenientSchema):
    type = fields.String(
        required=True,
        validate=validate.OneOf(["auto", "any", "tool", "none"]),
        metadata={"description": "The model's choice, one of them, the one that is named, or the agent's own alone"},
    )
    name = fields.String(validate=NAME, metadata={"description": "Needed with the type `tool`"})
    disable_parallel_tool_use = Flag(
        load_default=False, metadata={"description": "`true`: the model makes one call at a time"}
    )

    @validates_schema(skip_on_field_errors=True)
    def named(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["type"] == "tool" and "name" not in data:
            raise ValidationError("Missing data for required field.", "name")


class ThinkingSchema(LenientSchema):
    type = fields.String(
        required=True,
        validate=validate.OneOf(["enabled", "disabled", "adaptive"]),
        metadata={"description": "Whether thoughts are told, where the model tells any"},
    )
    budget_tokens = fields.Integer(
        strict=True,
        validate=validate.Range(1),
        metadata={
            "description": "With the type `enabled`: how much is thought, where `output_config.effort` does not say"
        },
    )
    block_binding = ignored("a thought that does not fit is left out")
    display = ignored("thoughts are told as the model tells them")


class FormatSchema(LenientSchema):
    type = fields.String(
        required=True, validate=validate.Equal("json_schema"), metadata={"description": "JSON of a schema"}
    )
    schema = ToolParameters(required=True, metadata=SHAPED)


class OutputConfigSchema(LenientSchema):
    effort = fields.String(
        validate=validate.OneOf(["low", "medium", "high", "xhigh", "max"]),
        metadata={"description": "How much the model thinks, as far as it heeds it; `max` is as `xhigh`"},
    )
    format = fields.Nested(FormatSchema, metadata={"description": "What the answer is, where it is no prose"})
    task_budget = only([], "Not heeded: use max_tokens.")


class TokensRequestSchema(LenientSchema):
    """What both operations take."""

    model = fields.String(required=True, validate=_ID, metadata=MODEL)
    system = _System(
        load_default=tuple,
        metadata={
            "description": "In place of the agent's instructions, where the agent has `allow_system = true`; else "
            "refused, unless it is blank. Blocks have the type `text`"
        },
    )
    messages = BoundedList(
        fields.Nested(PostedMessageSchema),
        validate.Length(1, MOST_MESSAGES),
        required=True,
        metadata={"description": "The whole conversation; the last one is the user's"},
    )
    tools = BoundedList(
        fields.Nested(ToolSchema),
        validate.Length(max=_MOST_TOOLS),
        load_default=list,
        metadata={"description": "Tools that run at the caller's"},
    )
    tool_choice = fields.Nested(
        ToolChoiceSchema,
        load_default=lambda: {"type": "auto"},
        metadata={"description": "Which of these tools are called"},
    )
    thinking = fields.Nested(
        ThinkingSchema, load_default=lambda: {"type": "disabled"}, metadata={"description": "Of the model's thoughts"}
    )
    output_config = fields.Nested(
        OutputConfigSchema, load_default=dict, metadata={"description": "How much is thought, and what is answered"}
    )
    thread = only([], NO_THREADS)
    mcp_servers = only([[]], "Servers of tools are not asked.")
    output_format = only([], "Use output_config.format.")
    compaction = only([], "Conversations are not shortened.")
    container = only([], "There are no containers.")
    fallbacks = only(["default"], "Which models stand in for one another is the agent's to say.")
    inference_geo = only(["global"], "Where a model runs is not chosen by requests.")
    billing_policy = only([], "It is the key that pays.")
    cache_control = ignored(NO_CACHE)
    context_management = ignored("a conversation that is too long is cut at its begin")
    diagnostics = ignored("what was cached is not told")
    fallback_credit_token = ignored("no answer costs less than another")
    metadata = ignored(KNOWN_BY_KEY)
    service_tier = ignored(ONE_TIER)
    speed = ignored(ONE_TIER)

    @validates_schema(skip_on_field_errors=True)
    def choice_among_tools(self, data: Mapping[str, Any], **_: Any) -> None:
        check_choice(_choice(data), data["tools"])

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> MessageRequest:
        wanted = data["output_config"].get("format")
        return MessageRequest(
            model=data["model"],
            system=data["system"],
            conversation=read_conversation(data["messages"]),
            stream=False,
            thinks=data["thinking"]["type"] != "disabled",
            options=AnswerOptions(
                effort=_effort(data),
                format=AnswerFormat(wanted["schema"]) if wanted else None,
                tool_choice=_choice(data),
                one_call_at_a_time=data["tool_choice"].get("disable_parallel_tool_use", False),
            ),
            tools=data["tools"],
        )


class MessageRequestSchema(TokensRequestSchema):
    max_tokens = fields.Integer(required=True, strict=True, validate=validate.Range(1, 10_000_000), metadata=CEILING)
    stream = Flag(load_default=False, metadata=STREAMS)
    temperature = Number(validate=validate.Range(0, 1), metadata=AS_HEEDED)
    top_p = Number(validate=validate.Range(0, 1), metadata=AS_HEEDED)
    top_k = only([], "Not heeded: use top_p.")
    stop_sequences = BoundedList(
        fields.String(validate=validate.Length(1, 1024)),
        validate.Length(max=_MOST_STOPS),
        load_default=list,
        metadata={"description": "What ends the answer, besides the configured texts; each has 1 to 1,024 characters"},
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> MessageRequest:
        asked: MessageRequest = super().make(data)
        sampling = {name: data[name] for name in ("max_tokens", "temperature", "top_p") if name in data}
        options = replace(asked.options, stop=tuple(data["stop_sequences"]), **sampling)
        return replace(asked, stream=data["stream"], options=options)


def _choice(data: Mapping[str, Any]) -> ToolChoice:
    match data["tool_choice"]:
        case {"type": "none" | "auto" as kind}:
            return ToolChoice(kind)
        case choice:
            return ToolChoice("required", choice.get("name", "") if choice["type"] == "tool" else "")


def _effort(data: Mapping[str, Any]) -> Effort | None:
    """As it is named, or as the budget for thinking says it; None leaves it to the model's configuration."""
    named = data["output_config"].get("effort")
    if named:
        return "xhigh" if named == "max" else named
    budget = data["thinking"].get("budget_tokens") if data["thinking"]["type"] == "enabled" else None
    return next((effort for most, effort in _EFFORTS if budget <= most), "xhigh") if budget else None
