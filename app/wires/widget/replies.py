"""What a widget gets, for the reference: the lines of a stream, one whole answer, failures."""

from typing import get_args

from marshmallow import Schema, fields, validate

from app.engine.messages import Role
from app.web.responses.tools import ToolCallSchema, ToolResultSchema


class StartSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["start"]))
    conversation_id = fields.String(required=True, data_key="conversationId")


class TokenSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["token"]))
    token = fields.String(required=True)


class DoneSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["done"]))
    message = fields.String(required=True)
    conversation_id = fields.String(required=True, data_key="conversationId")


class ErrorLineSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["error"]))
    error = fields.String(required=True)


LINE = {"oneOf": [StartSchema, TokenSchema, ToolCallSchema, ToolResultSchema, DoneSchema, ErrorLineSchema]}


class AnswerSchema(Schema):
    conversation_id = fields.String(required=True, data_key="conversationId")
    message = fields.String(required=True)


class SaidSchema(Schema):
    role = fields.String(required=True, validate=validate.OneOf(get_args(Role)))
    message = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["complete", "interrupted", "failed"]))
    created_at = fields.Integer(required=True, data_key="createdAt", metadata={"description": "Epoch milliseconds"})


class SaidBeforeSchema(Schema):
    session_id = fields.String(required=True, allow_none=True, data_key="sessionId")
    messages = fields.List(fields.Nested(SaidSchema), required=True)
    next_cursor = fields.String(data_key="nextCursor", metadata={"description": "Where there is more"})


class ErrorSchema(Schema):
    error = fields.String(required=True)
