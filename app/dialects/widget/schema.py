"""What a widget posts."""

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate


@dataclass(frozen=True, slots=True)
class ChatRequest:
    session_id: str
    message: str


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("Must not be blank.")


class ChatRequestSchema(Schema):
    session_id = fields.String(
        required=True, data_key="sessionId", validate=validate.Regexp(r"[A-Za-z0-9._:-]{1,128}\Z")
    )
    message = fields.String(required=True, validate=[validate.Length(1, 4000), _not_blank])

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ChatRequest:
        return ChatRequest(**data)
