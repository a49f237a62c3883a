"""The operations of this wire."""

import json

from app.engine.errors import Problem
from app.web.reference.operations import Content, Operation, Reference, Reply, Shape, ok
from app.wires.agents import replies as a
from app.wires.agents.chunks import CHUNK, LINE
from app.wires.agents.requests import (
    ChatRequestSchema,
    ConversationsSchema,
    FeedbackSchema,
    FormatSchema,
    PageSchema,
    PausedSchema,
    RetrySchema,
)

_CONVERSATION, _ASKED = "a618f1f4-93a5-4d0c-8d4e-0f5d2f7c3b11", "msg_4e99f0c1a7d84a3db9b2f53f1e0c7a52"
_ANSWER = a.ID["example"]
_SAID = {
    "conversationId": _CONVERSATION,
    "userMessageId": _ASKED,
    "userId": "user_1",
    "finishReason": "stop",
    "usage": {"credits": 1},
}
_WHOLE = {"id": _ANSWER, "role": "assistant", "parts": [{"type": "text", "text": "84"}], "metadata": _SAID}
_CHUNKS = (
    {"type": "start", "messageId": _ANSWER},
    {"type": "start-step"},
    {"type": "text-start", "id": "t0"},
    {"type": "text-delta", "id": "t0", "delta": "84"},
    {"type": "text-end", "id": "t0"},
    {"type": "finish-step"},
    {"type": "finish", "finishReason": "stop", "messageMetadata": {**_SAID, "messageId": _ANSWER}},
)
_LINES = (
    {"type": "start", "messageId": _ANSWER},
    {"type": "text-delta", "delta": "84"},
    {"type": "finish", "finishReason": "stop", "metadata": {**_SAID, "messageId": _ANSWER}},
)


def _text(chunk: object) -> str:
    return json.dumps(chunk, separators=(",", ":"))


def _data(shape: Shape, *, pages: bool = False) -> Shape:
    """What this wire wraps its answers in."""
    found = {"data": shape} | ({"pagination": a.PaginationSchema} if pages else {})
    return {"type": "object", "properties": found, "required": [*found], "additionalProperties": False}


def _list(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


_ANSWERED = Reply(
    200,
    "The AI SDK's UI message stream (version 1), which ends with `[DONE]`; or bare lines; or, with "
    '`"stream": false`, one object.',
    (
        Content(
            CHUNK,
            "".join(f"data: {_text(chunk)}\n\n" for chunk in _CHUNKS) + "data: [DONE]\n\n",
            "text/event-stream",
            last="[DONE]",
        ),
        Content(LINE, "".join(f"{_text(line)}\n" for line in _LINES), "application/x-ndjson"),
        Content(_data(a.AnswerSchema), {"data": _WHOLE}),
    ),
    {"x-vercel-ai-ui-message-stream": "v1, on the UI message stream."},
)
_AGENT = "/api/v2/agents/{agentId}"
_ONE = f"{_AGENT}/conversations/{{conversationId}}"
_MISSING = (Problem.NOT_FOUND,)
_ASKS = (Problem.BUSY, Problem.NOT_FOUND, Problem.NOT_ONGOING)

REFERENCE = Reference(
    about="The Chatbase v2 API, and what the AI SDK's useChat speaks. The key must be the agent's own; any other agent "
    "is 404. A widget key may chat and retry, and reads no histories.",
    error=a.ErrorSchema,
    parameters={
        "agentId": {"type": "string", "description": "The agent's name in parlance.toml", "example": "demo"},
        "conversationId": {"type": "string", "example": _CONVERSATION},
        "messageId": {"type": "string", "example": _ANSWER},
        "userId": {"type": "string", "description": "An end user's, as the caller calls them", "example": "user_1"},
    },
    operations=(
        Operation(
            "post",
            f"{_AGENT}/chat",
            "Ask",
            (_ANSWERED,),
            description="Chatbase's form has `message` as a text, the AI SDK's has `messages`, or `message` as one UI "
            "message. Fields that are not named are ignored.",
            body=ChatRequestSchema,
            example={"message": "What is 12 * 7?", "userId": "user_1"},
            query=FormatSchema,
            cost="answer",
            problems=_ASKS,
        ),
        Operation(
            "post",
            f"{_ONE}/retry",
            "Answer once more",
            (_ANSWERED,),
            description="The question before that answer is answered again, in place of it and of all behind it.",
            body=RetrySchema,
            example={"messageId": _ANSWER, "stream": True},
            query=FormatSchema,
            cost="answer",
            problems=(*_ASKS, Problem.MESSAGE_NOT_FOUND),
        ),
        Operation(
            "get",
            "/api/v2/agents",
            "List agents",
            (ok("The key's, which is one.", _data(_list(a.AgentSchema), pages=True)),),
        ),
        Operation("get", _AGENT, "Read an agent", (ok("The agent.", _data(a.AgentSchema)),), problems=_MISSING),
        Operation(
            "get",
            f"{_AGENT}/conversations",
            "List conversations",
            (ok("Those that began last first.", _data(_list(a.ConversationSchema), pages=True)),),
            query=ConversationsSchema,
            credential="secret key",
            problems=_MISSING,
        ),
        Operation(
            "get",
            f"{_AGENT}/users/{{userId}}/conversations",
            "List an end user's conversations",
            (ok("Those that were active last first.", _data(_list(a.ConversationSchema), pages=True)),),
            query=ConversationsSchema,
            credential="secret key",
            problems=_MISSING,
        ),
        Operation(
            "get",
            _ONE,
            "Read a conversation",
            (ok("With its last messages.", _data(a.WholeConversationSchema, pages=True)),),
            query=PageSchema,
            credential="secret key",
            problems=_MISSING,
        ),
        Operation(
            "get",
            f"{_ONE}/messages",
            "List messages",
            (
                ok(
                    "Page by page back from the newest, in order within a page.",
                    _data(_list(a.MessageSchema), pages=True),
                ),
            ),
            query=PageSchema,
            credential="secret key",
            problems=_MISSING,
        ),
        Operation(
            "patch",
            _ONE,
            "Pause a conversation, or let it go on",
            (ok("How it is now.", _data(a.StateSchema), {"data": {"id": _CONVERSATION, "status": "paused"}}),),
            description="A paused conversation takes no questions: they are 400.",
            body=PausedSchema,
            example={"paused": True},
            credential="secret key",
            problems=_MISSING,
        ),
        Operation(
            "patch",
            f"{_ONE}/messages/{{messageId}}/feedback",
            "Rate an answer",
            (ok("The message.", _data(a.MessageSchema)),),
            body=FeedbackSchema,
            example={"feedback": "positive"},
            credential="secret key",
            problems=(*_MISSING, Problem.MESSAGE_NOT_FOUND, Problem.NOT_AN_ANSWER),
        ),
        Operation(
            "get",
            "/api/v2/health",
            "Is it there?",
            (ok("It is.", a.HealthSchema, {"status": "ok"}),),
            credential="none",
        ),
    ),
)
