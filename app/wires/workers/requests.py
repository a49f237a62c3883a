"""What callers of Workers AI post: messages, or one of two short forms of a single question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from app.engine.agent import AnswerOptions, ToolChoice, ToolSpec
from app.schemas.fields import BoundedList, Flag, Number
from app.web.requests.caller_tools import NAME, ToolParameters, check_choice
from app.web.requests.question import MOST_MESSAGES
from app.wires.workers.conversation import PostedConversation, read_conversation

_ID, _NAME, _MOST_CALLS, _MOST_TOOLS = validate.Length(1, 256), validate.Length(1, 128), 64, 128
_OWNERS = {"tool_calls": "assistant", "reasoning": "assistant", "tool_call_id": "tool", "name": "tool"}
_SHORT = {"description": "Short for one message of the user"}
_FORMS = ("messages", "prompt", "message")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    conversation: PostedConversation
    stream: bool
    options: AnswerOptions
    tools: Sequence[ToolSpec]


class _Arguments(fields.Field[Any]):
    """An object, or one written as JSON."""

    described = {"oneOf": [{"type": "object"}, {"type": "string"}, {"type": "null"}]}  # noqa: RUF012 - read only

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value is not None and not isinstance(value, dict | str):
            raise ValidationError("Not an object, nor a text.")
        return value


class FunctionSchema(Schema):
    name = fields.String(required=True, validate=_NAME)
    arguments = _Arguments(load_default=None, allow_none=True)


class ToolCallSchema(Schema):
    """OpenAI's form, with `function`, or Workers AI's own, with `name`."""

    class Meta:
        described = {"oneOf": [{"required": ["function"]}, {"required": ["name"]}]}  # noqa: RUF012 - read only

    id = fields.String(allow_none=True, validate=_ID)
    type = fields.String(validate=validate.OneOf(["function"]))
    function = fields.Nested(FunctionSchema)
    name = fields.String(validate=_NAME)
    arguments = _Arguments(load_default=None, allow_none=True)

    @validates_schema
    def one_form(self, data: Mapping[str, Any], **_: Any) -> None:
        if ("function" in data) == ("name" in data):
            raise ValidationError("Exactly one of function and name is needed.", "name")


class DeclaredFunctionSchema(Schema):
    name = fields.String(required=True, validate=NAME)
    description = fields.String(load_default="")
    parameters = ToolParameters(load_default=dict)
    strict = Flag(allow_none=True, metadata={"description": "Not heeded"})


class DeclaredToolSchema(Schema):
    """OpenAI's form, with `function`, or Workers AI's own, with `name`."""

    class Meta:
        described = {"oneOf": [{"required": ["function"]}, {"required": ["name"]}]}  # noqa: RUF012 - read only

    type = fields.String(validate=validate.OneOf(["function"]))
    function = fields.Nested(DeclaredFunctionSchema)
    name = fields.String(validate=NAME)
    description = fields.String(load_default="")
    parameters = ToolParameters(load_default=dict)

    @validates_schema
    def one_form(self, data: Mapping[str, Any], **_: Any) -> None:
        if ("function" in data) == ("name" in data):
            raise ValidationError("Exactly one of function and name is needed.", "name")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ToolSpec:
        function = data.get("function") or data
        return ToolSpec(function["name"], function["description"], function["parameters"])


class MessageSchema(Schema):
    role = fields.String(required=True, validate=validate.OneOf(["system", "user", "assistant", "tool"]))
    content = fields.String(allow_none=True, metadata={"description": "May be null or left out beside `tool_calls`"})
    tool_calls = BoundedList(
        fields.Nested(ToolCallSchema),
        validate.Length(max=_MOST_CALLS),
        allow_none=True,
        metadata={"description": "Of an assistant's message"},
    )
    tool_call_id = fields.String(
        allow_none=True, validate=_ID, metadata={"description": "Of a tool's message: the call that it answers"}
    )
    name = fields.String(allow_none=True, validate=_NAME, metadata={"description": "Of a tool's message: the tool"})
    reasoning = fields.String(allow_none=True, metadata={"description": "Of an assistant's message"})

    @validates_schema(skip_on_field_errors=True)
    def as_its_role_has_it(self, data: Mapping[str, Any], **_: Any) -> None:
        role = data["role"]
        for name, owner in _OWNERS.items():
            if name in data and role != owner:
                raise ValidationError("Unknown field.", name)
        if data.get("content") is None and role != "tool" and not data.get("tool_calls"):
            given = "content" in data
            raise ValidationError("Field may not be null." if given else "Missing data for required field.", "content")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"content": None, **data}


class ChatRequestSchema(Schema):
    class Meta:
        described = {"oneOf": [{"required": [form]} for form in _FORMS]}  # noqa: RUF012 - read only

    messages = BoundedList(
        fields.Nested(MessageSchema),
        validate.Length(1, MOST_MESSAGES),
        metadata={"description": "The last one is the user's, or a tool's"},
    )
    prompt = fields.String(validate=validate.Length(1), metadata=_SHORT)
    message = fields.String(validate=validate.Length(1), metadata=_SHORT)
    stream = Flag(load_default=True, metadata={"description": "`false` asks for one JSON object"})
    max_tokens = fields.Integer(
        strict=True, validate=validate.Range(1, 1_000_000), metadata={"description": "Below the agent's own"}
    )
    tools = BoundedList(
        fields.Nested(DeclaredToolSchema),
        validate.Length(max=_MOST_TOOLS),
        load_default=list,
        metadata={"description": "That run at the caller's; only with a key"},
    )
    temperature = Number(validate=validate.Range(0, 5))
    top_p = Number(validate=validate.Range(0, 1))
    seed = fields.Integer(strict=True, validate=validate.Range(0, 2**63 - 1))

    @validates_schema(skip_on_field_errors=True)
    def one_form(self, data: Mapping[str, Any], **_: Any) -> None:
        if sum(form in data for form in _FORMS) != 1:
            raise ValidationError("Exactly one of messages, prompt and message is needed.")
        check_choice(ToolChoice(), data["tools"])

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ChatRequest:
        short = data.get("prompt") or data.get("message")
        given = data.get("messages", [{"role": "user", "content": short}])
        options = {name: data[name] for name in ("max_tokens", "temperature", "top_p", "seed") if name in data}
        return ChatRequest(
            conversation=read_conversation(given),
            stream=data["stream"],
            options=AnswerOptions(**options),
            tools=data["tools"],
        )
