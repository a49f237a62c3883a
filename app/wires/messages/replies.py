"""What a caller gets, for the reference: events, one whole message, counts, failures."""

from marshmallow import Schema, fields, validate

from app.web.reference.operations import Either
from app.web.responses.stopping import STATUS, STATUSES

_REASONS = ["end_turn", "max_tokens", "tool_use", "refusal"]


def _is(value: str) -> fields.String:
    return fields.String(required=True, validate=validate.Equal(value))


def _null() -> fields.Raw:
    """What the API has and nothing here says."""
    return fields.Raw(required=True, allow_none=True, validate=validate.OneOf([None]))


class UsageSchema(Schema):
    input_tokens = fields.Integer(required=True, metadata={"description": "In `message_start` it is estimated"})
    output_tokens = fields.Integer(required=True)
    cache_creation = _null()
    cache_creation_input_tokens = _null()
    cache_read_input_tokens = _null()
    inference_geo = _null()
    output_tokens_details = _null()
    server_tool_use = _null()
    service_tier = _null()


class TextBlockSchema(Schema):
    type = _is("text")
    text = fields.String(required=True)
    citations = _null()


class ThinkingBlockSchema(Schema):
    type = _is("thinking")
    thinking = fields.String(required=True)
    signature = fields.String(required=True, metadata={"description": "To be sent back as it is"})


class CallOriginSchema(Schema):
    type = _is("direct")


class CallBlockSchema(Schema):
    type = _is("tool_use")
    id = fields.String(required=True)
    name = fields.String(required=True)
    input = fields.Dict(required=True)
    caller = fields.Nested(CallOriginSchema, required=True)


_BLOCKS = (TextBlockSchema, ThinkingBlockSchema, CallBlockSchema)


class AnsweredSchema(Schema):
    id = fields.String(required=True)
    type = _is("message")
    role = _is("assistant")
    model = fields.String(required=True, metadata={"description": "As the request has it"})
    content = fields.List(Either(*_BLOCKS), required=True)
    stop_reason = fields.String(required=True, allow_none=True, validate=validate.OneOf(_REASONS))
    stop_sequence = fields.Raw(required=True, allow_none=True)
    stop_details = _null()
    container = _null()
    usage = fields.Nested(UsageSchema, required=True)


class MessageStartSchema(Schema):
    type = _is("message_start")
    message = fields.Nested(AnsweredSchema, required=True)


class BlockStartSchema(Schema):
    type = _is("content_block_start")
    index = fields.Integer(required=True)
    content_block = Either(*_BLOCKS, required=True)


class TextDeltaSchema(Schema):
    type = _is("text_delta")
    text = fields.String(required=True)


class ThinkingDeltaSchema(Schema):
    type = _is("thinking_delta")
    thinking = fields.String(required=True)


class SignatureDeltaSchema(Schema):
    type = _is("signature_delta")
    signature = fields.String(required=True)


class InputDeltaSchema(Schema):
    type = _is("input_json_delta")
    partial_json = fields.String(required=True)


class BlockDeltaSchema(Schema):
    type = _is("content_block_delta")
    index = fields.Integer(required=True)
    delta = Either(TextDeltaSchema, ThinkingDeltaSchema, SignatureDeltaSchema, InputDeltaSchema, required=True)


class BlockStopSchema(Schema):
    type = _is("content_block_stop")
    index = fields.Integer(required=True)


class EndSchema(Schema):
    stop_reason = fields.String(required=True, validate=validate.OneOf(_REASONS))
    stop_sequence = fields.Raw(required=True, allow_none=True)
    stop_details = _null()
    container = _null()


class MessageDeltaSchema(Schema):
    type = _is("message_delta")
    delta = fields.Nested(EndSchema, required=True)
    usage = fields.Nested(UsageSchema, required=True)


class MessageStopSchema(Schema):
    type = _is("message_stop")


class FailureSchema(Schema):
    type = fields.String(required=True)
    message = fields.String(required=True)
    details = fields.Dict(metadata={"description": "Where the request has a `thread`: what clients go on without"})


class FailedSchema(Schema):
    type = _is("error")
    error = fields.Nested(FailureSchema, required=True)


class ErrorSchema(FailedSchema):
    request_id = fields.String(required=True, allow_none=True)


EVENT = {
    "oneOf": [
        MessageStartSchema,
        BlockStartSchema,
        BlockDeltaSchema,
        BlockStopSchema,
        MessageDeltaSchema,
        MessageStopSchema,
        FailedSchema,
    ]
}


class CountSchema(Schema):
    input_tokens = fields.Integer(required=True)


class StoppedSchema(Schema):
    id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES), metadata=STATUS)
    content = fields.List(fields.Nested(TextBlockSchema), required=True, metadata={"description": "What is kept"})
    usage = fields.Nested(UsageSchema, required=True)
    credits = fields.Integer(required=True, metadata={"description": "What it costs"})
