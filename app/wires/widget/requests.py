"""What a widget posts."""

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from app.schemas.fields import NOT_BLANK, Digits
from app.web.requests.positions import CURSOR

MOST_ON_A_PAGE = 100


@dataclass(frozen=True, slots=True)
class ChatRequest:
    session_id: str
    message: str


_SESSION = validate.Regexp(r"[A-Za-z0-9._:-]{1,128}\Z")


class HistorySchema(Schema):
    """Query parameters."""

    session_id = fields.String(load_default=None, data_key="sessionId", validate=_SESSION)
    cursor = fields.String(load_default=None, metadata={"description": "`nextCursor` of the page before"})
    limit = Digits(load_default=MOST_ON_A_PAGE, validate=validate.Range(1, MOST_ON_A_PAGE))


_SESSION_OF = {"description": "Which conversation"}


class StopSchema(Schema):
    """Query parameters."""

    session_id = fields.String(required=True, data_key="sessionId", validate=_SESSION, metadata=_SESSION_OF)


class ReadOnSchema(StopSchema):
    """Query parameters."""

    cursor = CURSOR


class FeedbackSchema(Schema):
    session_id = fields.String(required=True, data_key="sessionId", validate=_SESSION)
    message_id = fields.String(
        required=True,
        data_key="messageId",
        validate=validate.Regexp(r"[0-9a-f]{32}\Z"),
        metadata={"description": "Of an answer in that session"},
    )
    rating = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(["up", "down"]),
        metadata={"description": "Null takes it back"},
    )


class ChatRequestSchema(Schema):
    session_id = fields.String(
        required=True,
        data_key="sessionId",
        validate=_SESSION,
        metadata={"description": "Which conversation; long and random"},
    )
    message = fields.String(required=True, validate=[validate.Length(1, 4000), NOT_BLANK])

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> ChatRequest:
        return ChatRequest(**data)
