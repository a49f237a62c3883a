"""What `format=ui` gives, for the reference: the AI SDK's UI messages."""

from typing import get_args

from marshmallow import Schema, fields, validate

from app.engine.messages import FinishReason, Role
from app.store.messages import Feedback
from app.web.reference.operations import Either
from app.wires.agents.replies import ID, CreditsSchema


class PageMetadataSchema(Schema):
    """What pages with the AI SDK are told of a message besides."""

    created_at = fields.Integer(required=True, data_key="createdAt", metadata={"description": "Epoch milliseconds"})
    model = fields.String(metadata={"description": "As parlance.toml names it, once it is known"})
    input_tokens = fields.Integer(data_key="inputTokens", metadata={"description": "Where tokens were counted"})
    output_tokens = fields.Integer(data_key="outputTokens")
    total_tokens = fields.Integer(data_key="totalTokens")


class UIMetadataSchema(PageMetadataSchema):
    conversation_id = fields.String(required=True, data_key="conversationId")
    message_id = fields.String(required=True, data_key="messageId")
    user_id = fields.String(required=True, allow_none=True, data_key="userId")
    finish_reason = fields.String(
        allow_none=True,
        data_key="finishReason",
        validate=validate.OneOf(get_args(FinishReason)),
        metadata={"description": "Of an answer, as what follows"},
    )
    usage = fields.Nested(CreditsSchema)
    feedback = fields.String(validate=validate.OneOf(get_args(Feedback)))


class StepStartSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["step-start"]))


class SpokenSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["text", "reasoning"]))
    text = fields.String(required=True)
    state = fields.String(validate=validate.OneOf(["done"]))


class ToolSchema(Schema):
    type = fields.String(required=True, validate=validate.Regexp("tool-"))
    call_id = fields.String(required=True, data_key="toolCallId")
    state = fields.String(
        required=True, validate=validate.OneOf(["input-available", "output-available", "output-error"])
    )
    input = fields.Dict(required=True)
    output = fields.Raw(metadata={"description": "With `output-available`"})
    error = fields.String(data_key="errorText", metadata={"description": "With `output-error`"})


class SourceUrlPartSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["source-url"]))
    id = fields.String(required=True, data_key="sourceId")
    url = fields.String(required=True)
    title = fields.String(required=True)


class SourceDocumentPartSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["source-document"]))
    id = fields.String(required=True, data_key="sourceId")
    media_type = fields.String(required=True, data_key="mediaType")
    title = fields.String(required=True)
    filename = fields.String(required=True)


_Part = Either(StepStartSchema, SpokenSchema, ToolSchema, SourceUrlPartSchema, SourceDocumentPartSchema)


class UIMessageReplySchema(Schema):
    id = fields.String(required=True, metadata=ID)
    role = fields.String(required=True, validate=validate.OneOf(get_args(Role)))
    metadata = fields.Nested(UIMetadataSchema, required=True)
    parts = fields.List(_Part, required=True)
