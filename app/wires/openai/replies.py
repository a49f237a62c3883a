"""What a caller gets, for the reference: chunks, one whole completion, models, failures."""

from marshmallow import Schema, fields, validate

from app.web.responses.stopping import STATUS, STATUSES

_REASONS = ["stop", "length", "tool_calls", "content_filter"]


def _is(value: str) -> fields.String:
    return fields.String(required=True, validate=validate.Equal(value))


class UsageSchema(Schema):
    prompt_tokens = fields.Integer(required=True)
    completion_tokens = fields.Integer(required=True)
    total_tokens = fields.Integer(required=True)


class CalledFunctionSchema(Schema):
    name = fields.String(required=True)
    arguments = fields.String(required=True, metadata={"description": "An object, as JSON"})


class CalledSchema(Schema):
    id = fields.String(required=True)
    type = _is("function")
    function = fields.Nested(CalledFunctionSchema, required=True)


class CalledPieceSchema(CalledSchema):
    index = fields.Integer(required=True)


class DeltaSchema(Schema):
    role = fields.String(validate=validate.Equal("assistant"))
    content = fields.String()
    reasoning_content = fields.String()
    tool_calls = fields.List(fields.Nested(CalledPieceSchema))


class ChunkChoiceSchema(Schema):
    index = fields.Integer(required=True)
    delta = fields.Nested(DeltaSchema, required=True)
    logprobs = fields.Raw(required=True, allow_none=True)
    finish_reason = fields.String(required=True, allow_none=True, validate=validate.OneOf(_REASONS))


class ChunkSchema(Schema):
    id = fields.String(required=True)
    object = _is("chat.completion.chunk")
    created = fields.Integer(required=True, metadata={"description": "In epoch seconds"})
    model = fields.String(required=True, metadata={"description": "As the request has it"})
    choices = fields.List(fields.Nested(ChunkChoiceSchema), required=True)
    usage = fields.Nested(
        UsageSchema, allow_none=True, metadata={"description": "With `stream_options.include_usage`; null but at last"}
    )


class MessageSchema(Schema):
    role = _is("assistant")
    content = fields.String(required=True, allow_none=True)
    refusal = fields.Raw(required=True, allow_none=True)
    annotations = fields.List(fields.Raw(), required=True)
    reasoning_content = fields.String()
    tool_calls = fields.List(fields.Nested(CalledSchema))


class ChoiceSchema(Schema):
    index = fields.Integer(required=True)
    message = fields.Nested(MessageSchema, required=True)
    logprobs = fields.Raw(required=True, allow_none=True)
    finish_reason = fields.String(required=True, validate=validate.OneOf(_REASONS))


class CompletionSchema(Schema):
    id = fields.String(required=True)
    object = _is("chat.completion")
    created = fields.Integer(required=True, metadata={"description": "In epoch seconds"})
    model = fields.String(required=True, metadata={"description": "As the request has it"})
    choices = fields.List(fields.Nested(ChoiceSchema), required=True)
    usage = fields.Nested(UsageSchema, required=True)


class StoppedSchema(Schema):
    id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES), metadata=STATUS)
    content = fields.String(required=True, metadata={"description": "What is kept"})
    usage = fields.Nested(UsageSchema, required=True)
    credits = fields.Integer(required=True, metadata={"description": "What it costs"})


class ModelSchema(Schema):
    id = fields.String(required=True)
    object = _is("model")
    created = fields.Integer(required=True)
    owned_by = fields.String(required=True)
    type = _is("model")
    display_name = fields.String(required=True)
    created_at = fields.String(required=True)


class ModelsSchema(Schema):
    object = _is("list")
    data = fields.List(fields.Nested(ModelSchema), required=True)
    has_more = fields.Boolean(required=True)
    first_id = fields.String(required=True, allow_none=True)
    last_id = fields.String(required=True, allow_none=True)


class FailureSchema(Schema):
    message = fields.String(required=True)
    type = fields.String(required=True)
    param = fields.String(required=True, allow_none=True, metadata={"description": "The part that is wrong"})
    code = fields.String(required=True)


class ErrorSchema(Schema):
    error = fields.Nested(FailureSchema, required=True)


EVENT = {"oneOf": [ChunkSchema, ErrorSchema]}
