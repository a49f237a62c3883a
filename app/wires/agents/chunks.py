"""What a stream is made of, for the reference: the chunks of the UI message stream, and the bare lines."""

from typing import get_args

from marshmallow import Schema, fields, validate

from app.engine.messages import FinishReason
from app.web.responses.numbered import line_schemas
from app.wires.agents.replies import ID, AnswerMetadataSchema, BegunSchema
from app.wires.agents.ui_replies import PageMetadataSchema, SourceDocumentPartSchema, SourceUrlPartSchema


def _type(*names: str) -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(names))


class StartMetadataSchema(BegunSchema):
    message_id = fields.String(required=True, data_key="messageId")


class FinishMetadataSchema(AnswerMetadataSchema):
    message_id = fields.String(required=True, data_key="messageId")


class PageStartMetadataSchema(PageMetadataSchema, StartMetadataSchema):
    pass


class PageFinishMetadataSchema(PageMetadataSchema, FinishMetadataSchema):
    pass


_TWICE = {"description": "The same once more, for callers of Chatbase's form"}


class StartSchema(Schema):
    type = _type("start")
    message_id = fields.String(required=True, data_key="messageId", metadata=ID)
    message_metadata = fields.Nested(PageStartMetadataSchema, required=True, data_key="messageMetadata")
    metadata = fields.Nested(PageStartMetadataSchema, metadata=_TWICE)


class StepSchema(Schema):
    type = _type("start-step", "finish-step")


class PartSchema(Schema):
    type = _type("text-start", "text-end", "reasoning-start", "reasoning-end")
    id = fields.String(required=True)


class DeltaSchema(Schema):
    type = _type("text-delta", "reasoning-delta")
    id = fields.String(required=True)
    delta = fields.String(required=True)


class ToolInputSchema(Schema):
    type = _type("tool-input-available")
    call_id = fields.String(required=True, data_key="toolCallId")
    name = fields.String(required=True, data_key="toolName")
    input = fields.Dict(required=True)


class ToolOutputSchema(Schema):
    type = _type("tool-output-available")
    call_id = fields.String(required=True, data_key="toolCallId")
    output = fields.Raw(required=True)


class ToolErrorSchema(Schema):
    type = _type("tool-output-error")
    call_id = fields.String(required=True, data_key="toolCallId")
    error = fields.String(required=True, data_key="errorText")


class FinishSchema(Schema):
    type = _type("finish")
    reason = fields.String(required=True, data_key="finishReason", validate=validate.OneOf(get_args(FinishReason)))
    message_metadata = fields.Nested(PageFinishMetadataSchema, required=True, data_key="messageMetadata")
    metadata = fields.Nested(PageFinishMetadataSchema, metadata=_TWICE)


class ErrorChunkSchema(Schema):
    type = _type("error")
    error = fields.String(required=True, data_key="errorText")


CHUNK = {
    "oneOf": [
        StartSchema,
        StepSchema,
        PartSchema,
        DeltaSchema,
        ToolInputSchema,
        ToolOutputSchema,
        ToolErrorSchema,
        SourceUrlPartSchema,
        SourceDocumentPartSchema,
        FinishSchema,
        ErrorChunkSchema,
    ]
}


class StartLineSchema(Schema):
    type = _type("start")
    message_id = fields.String(required=True, data_key="messageId", metadata=ID)
    metadata = fields.Nested(StartMetadataSchema, required=True)


class DeltaLineSchema(Schema):
    type = _type("text-delta")
    delta = fields.String(required=True)


class FinishLineSchema(Schema):
    type = _type("finish")
    reason = fields.String(required=True, data_key="finishReason", validate=validate.OneOf(get_args(FinishReason)))
    metadata = fields.Nested(FinishMetadataSchema, required=True)


LINE = line_schemas(StartLineSchema, DeltaLineSchema, ToolInputSchema, FinishLineSchema, ErrorChunkSchema)
