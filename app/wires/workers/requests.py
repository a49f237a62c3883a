"""What callers of Workers AI post: messages, or one of two short forms of a single question."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from app.engine.agent import SamplingOptions
from app.engine.messages import Message, text_message
from app.schemas.fields import BoundedList, Flag, Number
from app.web.requests.question import MOST_MESSAGES

_SHORT = {"description": "Short for one message of the user"}
_FORMS = ("messages", "prompt", "message")


@dataclass(frozen=True, slots=True)
class ChatRequest:
    messages: tuple[Message, ...]
    stream: bool
    options: SamplingOptions


class MessageSchema(Schema):
    role = fields.String(required=True, validate=validate.OneOf(["system", "user", "assistant"]))
    content = fields.String(required=True)


class ChatRequestSchema(Schema):
    class Meta:
        described = {"oneOf": [{"required": [form]} for form in _FORMS]}  # noqa: RUF012 - read only

    messages = BoundedList(
        fields.Nested(MessageSchema),
        validate.Length(1, MOST_MESSAGES),
        metadata={"description": "The last one is the user's"},
    )
    prompt = fields.String(validate=validate.Length(1), metadata=_SHORT)
    message = fields.String(validate=validate.Length(1), metadata=_SHORT)
    stream = Flag(load_default=True, metadata={"description": "`false` asks for one JSON object"})
    max_tokens = fields.Integer(
        strict=True, validate=validate.Range(1, 1_000_000), metadata={"description": "Below the agent's own"}
    )
    temperature = Number(validate=validate.Range(0, 5))
    top_p = Number(validate=validate.Range(0, 1))
    seed = fields.Integer(strict=True, validate=validate.Range(0, 2**63 - 1))

    @validates_schema(skip_on_field_errors=True)
    def one_form(self, data: Mapping[str, Any], **_: Any) -> None:
        if sum(form in data for form in _FORMS) != 1:
            raise ValidationError("Exactly one of messages, prompt and message is needed.")
        last = data.get("messages", [{"role": "user", "content": ""}])[-1]
        if last["role"] != "user":
            raise ValidationError("The last message must be the user's.", "messages")
        question = data.get("prompt") or data.get("message") or last["content"]
        if not question.strip():
            raise ValidationError("The question must not be blank.")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ChatRequest:
        short = data.get("prompt") or data.get("message")
        given = data.get("messages", [{"role": "user", "content": short}])
        options = {name: data[name] for name in ("max_tokens", "temperature", "top_p", "seed") if name in data}
        return ChatRequest(
            messages=tuple(text_message(message["role"], message["content"]) for message in given),
            stream=data["stream"],
            options=SamplingOptions(**options),
        )
