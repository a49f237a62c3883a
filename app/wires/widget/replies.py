"""What a widget gets, for the reference: the lines of a stream, one whole answer, failures."""

from typing import get_args

from marshmallow import Schema, fields, validate

from app.engine.messages import Role
from app.web.responses.numbered import line_schemas
from app.web.responses.stopping import STATUS, STATUSES
from app.web.responses.tools import ToolCallSchema, ToolResultSchema
from app.wires.widget.serializers import MOST_SOURCES


class StartSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["start"]))
    conversation_id = fields.String(required=True, data_key="conversationId")


class TokenSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["token"]))
    token = fields.String(required=True)


class SourceSchema(Schema):
    title = fields.String(required=True)
    url = fields.String(metadata={"description": "Where people find it, if they do: http or https"})


def _sources() -> fields.Field[list[object]]:
    about = {"description": "What the answer may be based on, best first; left out where there is nothing"}
    return fields.List(fields.Nested(SourceSchema), validate=validate.Length(1, MOST_SOURCES), metadata=about)


class DoneSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["done"]))
    message = fields.String(required=True)
    conversation_id = fields.String(required=True, data_key="conversationId")
    message_id = fields.String(required=True, data_key="messageId")
    sources = _sources()


class ErrorLineSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["error"]))
    error = fields.String(required=True)


LINE = line_schemas(StartSchema, TokenSchema, ToolCallSchema, ToolResultSchema, DoneSchema, ErrorLineSchema)


class AnswerSchema(Schema):
    conversation_id = fields.String(required=True, data_key="conversationId")
    message_id = fields.String(required=True, data_key="messageId")
    message = fields.String(required=True)
    sources = _sources()


class StoppedSchema(Schema):
    message_id = fields.String(required=True, data_key="messageId")
    status = fields.String(
        required=True,
        validate=validate.OneOf(STATUSES),
        metadata=STATUS,
    )
    message = fields.String(required=True, metadata={"description": "What is kept"})
    sources = _sources()
    credits = fields.Integer(required=True, metadata={"description": "What it costs"})


class SaidSchema(Schema):
    role = fields.String(required=True, validate=validate.OneOf(get_args(Role)))
    message = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["complete", "interrupted", "failed"]))
    created_at = fields.Integer(required=True, data_key="createdAt", metadata={"description": "Epoch milliseconds"})
    message_id = fields.String(data_key="messageId", metadata={"description": "Of an answer, as what follows"})
    sources = _sources()
    rating = fields.String(validate=validate.OneOf(["up", "down"]))


class SaidBeforeSchema(Schema):
    session_id = fields.String(required=True, allow_none=True, data_key="sessionId")
    messages = fields.List(fields.Nested(SaidSchema), required=True)
    next_cursor = fields.String(data_key="nextCursor", metadata={"description": "Where there is more"})


class RatedSchema(Schema):
    message_id = fields.String(required=True, data_key="messageId")
    rating = fields.String(required=True, allow_none=True, validate=validate.OneOf(["up", "down"]))


class ErrorSchema(Schema):
    error = fields.String(required=True)
