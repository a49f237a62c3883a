"""What signed-in callers get, for the reference: users, chats, messages, workflows and their runs, failures."""

from typing import get_args

from marshmallow import Schema, fields, validate

from app.engine.messages import Role, Status
from app.store.runs import RunStatus, StepStatus
from app.web.responses.stopping import STATUS, STATUSES
from app.web.responses.tools import ToolCallSchema as ToolCallEventSchema
from app.web.responses.tools import ToolResultSchema
from app.workflows.definition import WorkflowSchema

_UUID = {"format": "uuid"}
_TIME = {"format": "date-time"}


class UserSchema(Schema):
    id = fields.String(required=True, metadata=_UUID)
    email = fields.String(required=True)
    name = fields.String(required=True)
    verified = fields.Boolean(required=True, data_key="emailVerified")
    image = fields.String(required=True, allow_none=True)
    created_at = fields.String(required=True, data_key="createdAt", metadata=_TIME)
    updated_at = fields.String(required=True, data_key="updatedAt", metadata=_TIME)


class WhoSchema(Schema):
    user = fields.Nested(UserSchema, required=True)


class SignedInSchema(WhoSchema):
    token = fields.String(
        required=True, allow_none=True, metadata={"description": "Always null: it is in the cookie alone"}
    )
    redirect = fields.Boolean(metadata={"description": "Of a sign-in: whether the page goes on at `url`"})
    url = fields.String(metadata={"description": "`callbackURL`, where there was one"})


class SessionSchema(Schema):
    id = fields.String(required=True, metadata=_UUID)
    user_id = fields.String(required=True, data_key="userId", metadata=_UUID)
    expires_at = fields.String(required=True, data_key="expiresAt", metadata=_TIME)
    created_at = fields.String(required=True, data_key="createdAt", metadata=_TIME)
    updated_at = fields.String(required=True, data_key="updatedAt", metadata=_TIME)
    address = fields.String(required=True, allow_none=True, data_key="ipAddress")
    agent = fields.String(required=True, allow_none=True, data_key="userAgent")


class KnownSessionSchema(WhoSchema):
    session = fields.Nested(SessionSchema, required=True)


class SuccessSchema(Schema):
    success = fields.Boolean(required=True)


class NewChatSchema(Schema):
    id = fields.String(required=True, metadata=_UUID)
    title = fields.String(required=True, allow_none=True)
    created_at = fields.String(required=True, data_key="createdAt", metadata=_TIME)


class KnownChatSchema(NewChatSchema):
    updated_at = fields.String(required=True, data_key="updatedAt", metadata=_TIME)


class PageSchema(Schema):
    limit = fields.Integer(required=True)
    offset = fields.Integer(required=True)


class ChatsSchema(PageSchema):
    chats = fields.List(fields.Nested(KnownChatSchema), required=True)
    total = fields.Integer(required=True)


class ToolCallSchema(Schema):
    call_id = fields.String(required=True, data_key="toolCallId")
    name = fields.String(required=True, data_key="toolName")
    args = fields.Dict(required=True, data_key="toolArgs")
    result = fields.Raw()
    is_error = fields.Boolean(data_key="isError")


class KnownMessageSchema(Schema):
    id = fields.String(required=True, metadata=_UUID)
    role = fields.String(required=True, validate=validate.OneOf(get_args(Role)))
    content = fields.String(required=True)
    created_at = fields.String(required=True, data_key="createdAt", metadata=_TIME)
    status = fields.String(required=True, validate=validate.OneOf(get_args(Status)))
    model = fields.String(allow_none=True, metadata={"description": "Of an assistant's message"})
    calls = fields.List(fields.Nested(ToolCallSchema), data_key="toolCalls")


class MoreSchema(Schema):
    """A page, perhaps of several."""

    next_cursor = fields.String(data_key="nextCursor", metadata={"description": "Where there is more"})


class MessagesSchema(MoreSchema):
    messages = fields.List(fields.Nested(KnownMessageSchema), required=True)


class ExchangeSchema(Schema):
    question = fields.Nested(KnownMessageSchema, required=True, data_key="userMessage")
    answer = fields.Nested(KnownMessageSchema, required=True, data_key="assistantMessage")
    chat_id = fields.String(required=True, data_key="chatId", metadata=_UUID)
    run_id = fields.String(data_key="workflowRunId", metadata=_UUID)


class ModelSchema(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    provider = fields.String(required=True)


class ModelsSchema(Schema):
    models = fields.List(fields.Nested(ModelSchema), required=True)


class ToolSchema(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    parameters = fields.Dict(required=True, metadata={"description": "A JSON Schema"})


class ToolsSchema(Schema):
    tools = fields.List(fields.Nested(ToolSchema), required=True)


class KnownWorkflowSchema(WorkflowSchema):
    id = fields.String(required=True, metadata=_UUID)
    version = fields.Integer(required=True)
    shipped = fields.Boolean(required=True, metadata={"description": "It comes with the server"})
    created_at = fields.String(data_key="createdAt", metadata=_TIME)
    updated_at = fields.String(data_key="updatedAt", metadata=_TIME)


class WorkflowsSchema(MoreSchema):
    workflows = fields.List(fields.Nested(KnownWorkflowSchema), required=True)


class RunSchema(Schema):
    id = fields.String(required=True, metadata=_UUID)
    chat_id = fields.String(required=True, data_key="chatId", metadata=_UUID)
    workflow_id = fields.String(required=True, data_key="workflowId", metadata=_UUID)
    version = fields.Integer(required=True, data_key="workflowVersion")
    status = fields.String(required=True, validate=validate.OneOf(get_args(RunStatus)))
    error = fields.String(required=True, allow_none=True)
    created_at = fields.String(required=True, data_key="createdAt", metadata=_TIME)
    ended_at = fields.String(required=True, allow_none=True, data_key="endedAt", metadata=_TIME)


class RunsSchema(PageSchema):
    runs = fields.List(fields.Nested(RunSchema), required=True)
    same_runs = fields.List(
        fields.Nested(RunSchema), required=True, data_key="workflowRuns", metadata={"description": "The same"}
    )


class StepSchema(Schema):
    id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(get_args(StepStatus)))
    started_at = fields.String(required=True, data_key="startedAt", metadata=_TIME)
    ended_at = fields.String(required=True, data_key="endedAt", metadata=_TIME)
    result = fields.Raw(required=True)
    error = fields.String(required=True, allow_none=True)


class WholeRunSchema(RunSchema, MoreSchema):
    steps = fields.List(fields.Nested(StepSchema), required=True)


class StoppedSchema(Schema):
    message_id = fields.String(required=True, data_key="messageId", metadata=_UUID)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES), metadata=STATUS)
    content = fields.String(required=True, metadata={"description": "What is kept"})
    credits = fields.Integer(required=True, metadata={"description": "What it costs"})


class StartSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["start"]))
    message_id = fields.String(required=True, data_key="messageId", metadata=_UUID)


class ContentSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["content"]))
    delta = fields.String(required=True)


class EndSchema(Schema):
    type = fields.String(required=True, validate=validate.OneOf(["end"]))
    message_id = fields.String(required=True, data_key="messageId", metadata=_UUID)


class _FailureSchema(Schema):
    error = fields.String(required=True)
    message = fields.String(required=True)


class ErrorSchema(_FailureSchema):
    code = fields.String(required=True)


class ErrorEventSchema(_FailureSchema):
    type = fields.String(required=True, validate=validate.OneOf(["error"]))


EVENT = {"oneOf": [StartSchema, ContentSchema, ToolCallEventSchema, ToolResultSchema, EndSchema, ErrorEventSchema]}
