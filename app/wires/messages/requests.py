"""What is posted to create a message, or to count its tokens. Unknown fields are ignored, since clients send new ones
every month; known ones that cannot be heeded are refused where leaving them out would change what the caller gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from app.engine.agent import AnswerFormat, AnswerOptions, Effort, ToolChoice, ToolSpec
from app.engine.messages import Message, text_message
from app.schemas.fields import BoundedList, Flag, Number
from app.schemas.lenient import LenientSchema, TextOrParts, only
from app.web.requests.caller_tools import NAME, ToolParameters, check_choice
from app.web.requests.question import MOST_MESSAGES
from app.wires.messages.conversation import PostedConversation, read_conversation
from app.wires.messages.errors import NO_THREADS

_MOST_TOOLS, _MOST_STOPS = 512, 16
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
    role = fields.String(required=True, validate=validate.OneOf(["user", "assistant"]))
    content = TextOrParts(required=True)


class ToolSchema(LenientSchema):
    type = fields.String(
        load_default="custom", validate=validate.Equal("custom", error="Only tools of the caller's own can be called.")
    )
    name = fields.String(required=True, validate=NAME)
    description = fields.String(load_default="")
    input_schema = ToolParameters(required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ToolSpec:
        return ToolSpec(data["name"], data["description"], data["input_schema"])


class ToolChoiceSchema(LenientSchema):
    type = fields.String(required=True, validate=validate.OneOf(["auto", "any", "tool", "none"]))
    name = fields.String(validate=NAME)
    disable_parallel_tool_use = Flag(load_default=False)

    @validates_schema(skip_on_field_errors=True)
    def named(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["type"] == "tool" and "name" not in data:
            raise ValidationError("Missing data for required field.", "name")


class ThinkingSchema(LenientSchema):
    type = fields.String(required=True, validate=validate.OneOf(["enabled", "disabled", "adaptive"]))
    budget_tokens = fields.Integer(strict=True, validate=validate.Range(1))


class FormatSchema(LenientSchema):
    type = fields.String(required=True, validate=validate.Equal("json_schema"))
    schema = ToolParameters(required=True)


class OutputConfigSchema(LenientSchema):
    effort = fields.String(validate=validate.OneOf(["low", "medium", "high", "xhigh", "max"]))
    format = fields.Nested(FormatSchema)


class TokensRequestSchema(LenientSchema):
    """What both operations take."""

    model = fields.String(
        required=True,
        validate=validate.Length(1, 256),
        metadata={"description": "The key's agent, by its id, or one of its models, by its name or an alias"},
    )
    system = _System(load_default=tuple)
    messages = BoundedList(fields.Nested(PostedMessageSchema), validate.Length(1, MOST_MESSAGES), required=True)
    tools = BoundedList(fields.Nested(ToolSchema), validate.Length(max=_MOST_TOOLS), load_default=list)
    tool_choice = fields.Nested(ToolChoiceSchema, load_default=lambda: {"type": "auto"})
    thinking = fields.Nested(ThinkingSchema, load_default=lambda: {"type": "disabled"})
    output_config = fields.Nested(OutputConfigSchema, load_default=dict)
    thread = only([], NO_THREADS)
    mcp_servers = only([[]], "Servers of tools are not asked.")

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
    max_tokens = fields.Integer(required=True, strict=True, validate=validate.Range(1, 10_000_000))
    stream = Flag(load_default=False)
    temperature = Number(validate=validate.Range(0, 1))
    top_p = Number(validate=validate.Range(0, 1))
    stop_sequences = BoundedList(
        fields.String(validate=validate.Length(1, 1024)), validate.Length(max=_MOST_STOPS), load_default=list
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
