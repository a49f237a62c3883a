"""The operations of this wire."""

from collections.abc import Mapping
from typing import Any, Literal

from app.engine.errors import ChatError, Problem
from app.web.reference.operations import ASKED_FOR_IDS, LAST_EVENT_ID, Content, Operation, Reference, Reply, ok
from app.web.requests.positions import CursorSchema as StreamCursorSchema
from app.web.services import services
from app.wires.chats import replies as a
from app.wires.chats.errors import SIGN_UP_CLOSED
from app.wires.chats.requests import (
    ChatSchema,
    CursorSchema,
    DefinitionSchema,
    MessageSchema,
    PageSchema,
    RunsSchema,
    SignInSchema,
    SignOutSchema,
    SignUpSchema,
)
from app.wires.chats.routes import COOKIE
from app.workflows.definition import WorkflowSchema

_USER = "5d0f6f6a-3c0b-4d0f-8a7f-0a1f1f5f7a30"
_CHAT = "a618f1f4-93a5-4d0c-8d4e-0f5d2f7c3b11"
_WORKFLOW = "5f0c3a4e-8c1b-4d5e-9a53-1f6f6a0f2b11"
_MESSAGE = "404f8a7c-2f0b-4e4f-9a1d-1b7f7d3c5e60"
_TIME = "2026-11-21T11:21:00.000Z"
_MADE = {"id": _CHAT, "title": "Prices", "createdAt": _TIME}
_PLAN = {"name": "Double", "steps": [{"id": "double", "tool": "calculator", "args": {"expression": "{{ input }} * 2"}}]}

_ADA = {"id": _USER, "email": "ada@example.com", "name": "Ada", "emailVerified": False, "image": None}
_ADA |= {"createdAt": _TIME, "updatedAt": _TIME}
_SIGNED_IN = Reply(
    200,
    "Who has signed in.",
    (Content(a.SignedInSchema, {"redirect": False, "token": None, "user": _ADA}),),
    {"Set-Cookie": f"`{COOKIE.name}`, the session."},
)
_GONE = Reply(204, "It is gone.")
_STREAM = Reply(
    200,
    "Server-sent events: start, content as it comes, tool_call and tool_result, and at last end or error. A comment, "
    "`: keep-alive`, fills a silence.",
    (
        Content(
            a.EVENT,
            f'data: {{"type":"start","messageId":"{_MESSAGE}"}}\n\ndata: {{"type":"content","delta":"84"}}\n\n'
            f'data: {{"type":"end","messageId":"{_MESSAGE}"}}\n\n',
            "text/event-stream",
        ),
    ),
)


def _operation(
    method: Literal["post", "patch", "delete"], path: str, summary: str, reply: Reply, *problems: Problem, **more: Any
) -> Operation:
    return Operation(method, path, summary, (reply,), problems=problems, **more)


def _ask(path: str, summary: str, reply: Reply, headers: Mapping[str, str] | None = None) -> Operation:
    return _operation(
        "post",
        path,
        summary,
        reply,
        *(Problem.NOT_FOUND, Problem.BUSY, Problem.NOT_ONGOING),
        body=MessageSchema,
        cost="answer",
        example={"content": "What is 12 * 7?", "modelId": "builtin", "userId": _USER},
        description="`modelId` is a model's name or one of its aliases. With `workflowId` the answer follows that "
        "workflow. One answer at a time: a second question meanwhile is 409.",
        headers=headers or {},
    )


def _refuse_closed_sign_up() -> None:
    if not services().settings.server.sign_up:
        raise ChatError(Problem.FORBIDDEN, SIGN_UP_CLOSED)


_SESSION = "Who has signed in?"
_OWN = (Problem.INVALID, Problem.FORBIDDEN, Problem.NOT_FOUND)
_KNOWN = (Problem.INVALID, Problem.NOT_FOUND)

_AUTH = (
    _operation(
        "post",
        "/api/auth/sign-up/email",
        "Make an account",
        _SIGNED_IN,
        Problem.TAKEN,
        body=SignUpSchema,
        cost="attempt",
        precondition=_refuse_closed_sign_up,
        example={"email": "ada@example.com", "password": "correct horse", "name": "Ada"},
        description="403 unless `sign_up = true` in parlance.toml.",
        credential="none",
    ),
    _operation(
        "post",
        "/api/auth/sign-in/email",
        "Sign in",
        _SIGNED_IN,
        Problem.UNAUTHORIZED,
        body=SignInSchema,
        cost="attempt",
        example={"email": "ada@example.com", "password": "correct horse"},
        credential="none",
    ),
    _operation(
        "post",
        "/api/auth/sign-out",
        "Sign out",
        ok("There is no session any more, whether or not there was one.", a.SuccessSchema, {"success": True}),
        body=SignOutSchema,
        body_optional=True,
        example={"callbackURL": "/"},
        credential="none",
    ),
    Operation("get", "/api/auth/session", _SESSION, (ok("A user.", a.WhoSchema),)),
    Operation(
        "get",
        "/api/auth/get-session",
        _SESSION,
        (ok("A session and its user, or `null`.", {"oneOf": [a.KnownSessionSchema, {"type": "null"}]}),),
        credential="none",
    ),
)

_CHATS = (
    _operation(
        "post",
        "/api/chats",
        "Begin a chat",
        ok("An empty one.", a.NewChatSchema, _MADE, status=201),
        body=ChatSchema,
        body_optional=True,
        example={"title": "Prices"},
    ),
    Operation(
        "get",
        "/api/users/{userId}/chats",
        "List chats",
        (ok("The latest begun first.", a.ChatsSchema),),
        query=PageSchema,
        problems=(Problem.FORBIDDEN,),
    ),
    Operation(
        "get",
        "/api/chats/{chatId}/messages",
        "Read a chat",
        (
            ok(
                "The last page, oldest first; `nextCursor`, where there is more, leads to the page before.",
                a.MessagesSchema,
            ),
        ),
        query=CursorSchema,
        problems=_OWN,
    ),
    _operation("delete", "/api/chats/{chatId}", "Delete a chat", _GONE, *_OWN),
    _ask("/api/chats/{chatId}/messages/stream", "Ask", _STREAM, ASKED_FOR_IDS),
    Operation(
        "get",
        "/api/chats/{chatId}/messages/stream",
        "Read on",
        (_STREAM, Reply(204, "No answer runs in the chat, and none was asked for with a cursor before its end.")),
        description="The chat's running answer from its beginning, or with a cursor what comes behind it, also of its "
        "last answer that has ended.",
        query=StreamCursorSchema,
        headers=LAST_EVENT_ID,
        problems=(*_OWN, Problem.LIMITED),
    ),
    Operation(
        "delete",
        "/api/chats/{chatId}/messages/stream",
        "Stop",
        (
            ok(
                "How the chat's last answer stands. One that ran has ended, with what it had said.",
                a.StoppedSchema,
                {"messageId": _MESSAGE, "status": "interrupted", "content": "84", "credits": 0},
            ),
            Reply(204, "Nothing was ever answered in the chat."),
        ),
        problems=_OWN,
    ),
    _ask("/api/chats/{chatId}/messages", "Ask, answered whole", ok("As they are kept.", a.ExchangeSchema, status=201)),
    Operation("get", "/api/models", "List models", (ok("All.", a.ModelsSchema),)),
    Operation("get", "/api/tools", "List tools", (ok("Those that the models may call.", a.ToolsSchema),)),
)

_WORKFLOWS = (
    Operation(
        "get",
        "/api/workflows",
        "List workflows",
        (ok("Shipped ones, then the user's own; `nextCursor`, where there is more, leads on.", a.WorkflowsSchema),),
        query=CursorSchema,
    ),
    _operation(
        "post",
        "/api/workflows",
        "Make a workflow",
        ok("Its first version.", a.KnownWorkflowSchema, status=201),
        body=WorkflowSchema,
        loads=DefinitionSchema,
        example=_PLAN,
    ),
    Operation(
        "get",
        "/api/workflows/{workflowId}",
        "Read a workflow",
        (ok("Its latest version.", a.KnownWorkflowSchema),),
        problems=_KNOWN,
    ),
    _operation(
        "patch",
        "/api/workflows/{workflowId}",
        "Change a workflow",
        ok("A new version: the old one but for what is posted.", a.KnownWorkflowSchema),
        *(Problem.NOT_FOUND, Problem.CHANGED),
        body=WorkflowSchema(partial=True),
        loads=DefinitionSchema,
        example={"name": "Twice"},
    ),
    _operation("delete", "/api/workflows/{workflowId}", "Delete a workflow", _GONE, *_KNOWN),
    Operation(
        "get",
        "/api/workflows/{workflowId}/diagram",
        "Draw a workflow",
        (
            Reply(
                200,
                "A Mermaid flowchart.",
                (Content({"type": "string"}, 'flowchart TD\n    s_double["double<br/>calculator"]\n', "text/plain"),),
            ),
        ),
        problems=_KNOWN,
    ),
    Operation(
        "get",
        "/api/chats/{chatId}/workflow-runs",
        "List a chat's workflow runs",
        (ok("The latest first, without their steps.", a.RunsSchema),),
        query=RunsSchema,
        problems=_OWN,
    ),
    Operation(
        "get",
        "/api/workflow-runs/{runId}",
        "Read a workflow run",
        (
            ok(
                "With its steps, in the order in which they ended; `nextCursor`, where there is more, leads on.",
                a.WholeRunSchema,
            ),
        ),
        query=CursorSchema,
        problems=_KNOWN,
    ),
)

REFERENCE = Reference(
    about='Chats of people who sign in. Bodies may be wrapped as `{"data": {…}}`. Whatever changes something needs '
    "`Content-Type: application/json`, unless it has no body, and an Origin, where there is one, that is this "
    "server's own or on the operator's list.",
    error=a.ErrorSchema,
    parameters={
        "userId": {"type": "string", "format": "uuid", "example": _USER},
        "chatId": {"type": "string", "format": "uuid", "example": _CHAT},
        "workflowId": {"type": "string", "format": "uuid", "example": _WORKFLOW},
        "runId": {"type": "string", "format": "uuid", "example": _MESSAGE},
    },
    operations=(*_AUTH, *_CHATS, *_WORKFLOWS),
)
