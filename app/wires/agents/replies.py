"""What callers get read back, for the reference: agents, conversations, messages, answers, failures."""

from typing import get_args

from marshmallow import Schema, fields, validate

from app.engine.messages import FinishReason, Role
from app.store.histories import State
from app.store.messages import Feedback
from app.web.reference.operations import Either

ID = {"example": "msg_404f8a7c2f0b4e4f9a1d1b7f7d3c5e60"}
SECONDS = {"description": "Epoch seconds"}


class CreditsSchema(Schema):
    credits = fields.Integer(required=True)


class TextPartSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["text"]))
    text = fields.String(required=True)


class ToolCallPartSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["tool-call"]))
    call_id = fields.String(required=True, data_key="toolCallId")
    name = fields.String(required=True, data_key="toolName")
    input = fields.Dict(required=True)


class ToolResultPartSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["tool-result"]))
    call_id = fields.String(required=True, data_key="toolCallId")
    name = fields.String(required=True, data_key="toolName")
    output = fields.Raw(required=True)


def _parts() -> fields.Field[list[object]]:
    return fields.List(Either(TextPartSchema, ToolCallPartSchema, ToolResultPartSchema), required=True)


class BegunSchema(Schema):
    """What is known of an answer when it begins."""

    conversation_id = fields.String(required=True, data_key="conversationId")
    user_message_id = fields.String(required=True, data_key="userMessageId")
    user_id = fields.String(required=True, allow_none=True, data_key="userId")


class AnswerMetadataSchema(BegunSchema):
    finish_reason = fields.String(
        required=True, data_key="finishReason", validate=validate.OneOf(get_args(FinishReason))
    )
    usage = fields.Nested(CreditsSchema, required=True)


class AnswerSchema(Schema):
    id = fields.String(required=True, metadata=ID)
    role = fields.String(required=True, validate=validate.OneOf(["assistant"]))
    parts = _parts()
    metadata = fields.Nested(AnswerMetadataSchema, required=True)


class MessageMetadataSchema(Schema):
    finish_reason = fields.String(
        required=True, allow_none=True, data_key="finishReason", validate=validate.OneOf(get_args(FinishReason))
    )
    usage = fields.Nested(CreditsSchema, required=True)


class MessageSchema(Schema):
    id = fields.String(required=True, metadata=ID)
    role = fields.String(required=True, validate=validate.OneOf(get_args(Role)))
    parts = _parts()
    created_at = fields.Integer(required=True, data_key="createdAt", metadata=SECONDS)
    feedback = fields.String(validate=validate.OneOf(get_args(Feedback)))
    metadata = fields.Nested(MessageMetadataSchema, metadata={"description": "Of an assistant's message"})


class AgentSchema(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    model = fields.String(required=True)
    tools = fields.List(fields.String(), required=True)
    visibility = fields.String(
        required=True,
        validate=validate.OneOf(["public", "private"]),
        metadata={"description": "Whether callers without a key reach it"},
    )


class ConversationSchema(Schema):
    id = fields.String(required=True, metadata={"format": "uuid"})
    title = fields.String(required=True, allow_none=True)
    created_at = fields.Integer(required=True, data_key="createdAt", metadata=SECONDS)
    updated_at = fields.Integer(required=True, data_key="updatedAt", metadata=SECONDS)
    user_id = fields.String(required=True, allow_none=True, data_key="userId")
    status = fields.String(required=True, validate=validate.OneOf(get_args(State)))


class WholeConversationSchema(ConversationSchema):
    messages = fields.List(fields.Nested(MessageSchema), required=True)


class StateSchema(Schema):
    id = fields.String(required=True, metadata={"format": "uuid"})
    status = fields.String(required=True, validate=validate.OneOf(["paused", "ongoing"]))


class PaginationSchema(Schema):
    cursor = fields.String(required=True, allow_none=True)
    has_more = fields.Boolean(required=True, data_key="hasMore")
    total = fields.Integer(required=True)


class WorkspaceSchema(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)


class CredentialSchema(Schema):
    name = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(["secret"]))
    source = fields.String(required=True, validate=validate.OneOf(["api"]))
    created_at = fields.Integer(required=True, data_key="createdAt", metadata=SECONDS)
    expires_at = fields.String(
        required=True, allow_none=True, data_key="expiresAt", metadata={"description": "Null: never"}
    )
    permissions = fields.List(
        fields.String(),
        required=True,
        allow_none=True,
        metadata={"description": "Null: all that its agent and its own conversations offer"},
    )


class BudgetSchema(Schema):
    limit = fields.Integer(required=True, allow_none=True, metadata={"description": "Null: none"})
    used = fields.Integer(required=True)
    left = fields.Integer(required=True, allow_none=True)


class KeySchema(Schema):
    workspace = fields.Nested(WorkspaceSchema, required=True, metadata={"description": "The agent"})
    plan = fields.String(required=True, validate=validate.OneOf(["self-hosted"]))
    credential = fields.Nested(CredentialSchema, required=True)
    agent = fields.Nested(AgentSchema, required=True)
    credits = fields.Nested(BudgetSchema, required=True)


class DoneSchema(Schema):
    success = fields.Boolean(required=True)


class FailureSchema(Schema):
    code = fields.String(required=True)
    message = fields.String(required=True)
    details = fields.Dict(
        values=fields.String(), metadata={"description": "Parts of the request, and what is wrong there"}
    )


class ErrorSchema(Schema):
    error = fields.Nested(FailureSchema, required=True)


class HealthSchema(Schema):
    status = fields.String(required=True, validate=validate.OneOf(["ok"]))
