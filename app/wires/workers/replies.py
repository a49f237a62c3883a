"""What a caller gets, for the reference: the events of a stream, one whole answer, failures."""

from marshmallow import Schema, fields, validate

from app.web.responses.stopping import STATUS, STATUSES

_REASONS = validate.OneOf(["stop", "length", "content_filter", "tool_calls", "other"])


class ToolCallSchema(Schema):
    name = fields.String(required=True)
    arguments = fields.Dict(required=True)


class UsageSchema(Schema):
    prompt_tokens = fields.Integer(required=True)
    completion_tokens = fields.Integer(required=True)
    total_tokens = fields.Integer(required=True)


class TokenSchema(Schema):
    response = fields.String(required=True)


class ToolCallsSchema(Schema):
    response = fields.String(required=True, validate=validate.OneOf([""]))
    tool_calls = fields.List(fields.Nested(ToolCallSchema), required=True)


class LastSchema(Schema):
    response = fields.String(required=True, validate=validate.OneOf([""]))
    usage = fields.Nested(UsageSchema, required=True)
    finish_reason = fields.String(required=True, validate=_REASONS)


class FailedSchema(Schema):
    response = fields.String(required=True, validate=validate.OneOf([""]))
    error = fields.String(required=True)
    finish_reason = fields.String(required=True, validate=validate.OneOf(["error"]))


EVENT = {"oneOf": [TokenSchema, ToolCallsSchema, LastSchema, FailedSchema]}


class AnswerSchema(Schema):
    response = fields.String(required=True)
    usage = fields.Nested(UsageSchema, required=True)
    tool_calls = fields.List(fields.Nested(ToolCallSchema), required=True)
    finish_reason = fields.String(required=True, validate=_REASONS)


class StoppedSchema(Schema):
    id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES), metadata=STATUS)
    response = fields.String(required=True, metadata={"description": "What is kept"})
    usage = fields.Nested(UsageSchema, required=True)
    credits = fields.Integer(required=True, metadata={"description": "What it costs"})


class ErrorSchema(Schema):
    code = fields.Integer(required=True, metadata={"description": "The status"})
    message = fields.String(required=True)
    error = fields.String(required=True, metadata={"description": "The message once more"})
