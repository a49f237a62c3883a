"""The operations of this wire."""

import json

from app.engine.errors import Problem
from app.web.reference.operations import ASKED_FOR_IDS, LAST_EVENT_ID, Content, Operation, Reference, Reply, Shape, ok
from app.wires.agents import replies as a
from app.wires.agents.chunks import CHUNK, LINE
from app.wires.agents.queries import (
    ConversationsSchema,
    FeedbackSchema,
    FormatSchema,
    MessagesSchema,
    PageSchema,
    PausedSchema,
    ReadOnSchema,
    StopSchema,
)
from app.wires.agents.requests import ChatRequestSchema, RetrySchema, ToolResultSchema
from app.wires.agents.ui_replies import UIMessageReplySchema

_CONVERSATION, _ASKED = "a618f1f4-93a5-4d0c-8d4e-0f5d2f7c3b11", "msg_4e99f0c1a7d84a3db9b2f53f1e0c7a52"
_ANSWER = a.ID["example"]
_BEGUN = {"conversationId": _CONVERSATION, "userMessageId": _ASKED, "userId": "user_1"}
_SAID = {**_BEGUN, "finishReason": "stop", "usage": {"credits": 1}}
_PAGE = {"messageId": _ANSWER, "createdAt": 1_798_761_600_000, "model": "gpt-4o"}
_TOKENS = {"inputTokens": 31, "outputTokens": 2, "totalTokens": 33}
_WHOLE = {"id": _ANSWER, "role": "assistant", "parts": [{"type": "text", "text": "84"}], "metadata": _SAID}
_CHUNKS = (
    {"type": "start", "messageId": _ANSWER, "messageMetadata": {**_BEGUN, **_PAGE}},
    {"type": "start-step"},
    {"type": "text-start", "id": "t0"},
    {"type": "text-delta", "id": "t0", "delta": "84"},
    {"type": "text-end", "id": "t0"},
    {"type": "finish-step"},
    {"type": "finish", "finishReason": "stop", "messageMetadata": {**_SAID, **_PAGE, **_TOKENS}},
)
_LINES = (
    {"type": "start", "messageId": _ANSWER, "metadata": {**_BEGUN, "messageId": _ANSWER}},
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
_STREAMED = Reply(200, "Its stream.", _ANSWERED.contents[:2], _ANSWERED.headers)
_AGENT = "/api/v2/agents/{agentId}"
_ONE = f"{_AGENT}/conversations/{{conversationId}}"
_MESSAGES = (a.MessageSchema, UIMessageReplySchema)
_MISSING = (Problem.NOT_FOUND,)


def _stops(*paths: str) -> list[Operation]:
    return [
        Operation(
            "post",
            path,
            "Stop",
            (
                ok("The answer has ended, with what it had said.", a.DoneSchema, {"success": True}),
                Reply(204, "Nothing was ever answered there."),
            ),
            description="What the AI SDK's `stop()` cannot do where answers outlive their callers.",
            body=StopSchema,
            body_optional=True,
            example={"activeStreamId": "404f8a7c2f0b4e4f9a1d1b7f7d3c5e60"},
            problems=_MISSING,
        )
        for path in paths
    ]


_ASKS = (Problem.BUSY, Problem.NOT_FOUND, Problem.NOT_ONGOING)

REFERENCE = Reference(
    about="The Chatbase v2 API, and what the AI SDK's useChat speaks. The key must be the agent's own; any other agent "
    "is 404. A widget key may chat, retry and bring results of its own tools, and reads no histories.",
    error=a.ErrorSchema,
    parameters={
        "agentId": {"type": "string", "description": "The agent's name in parlance.toml", "example": "demo"},
        "conversationId": {
            "type": "string",
            "description": "The server's id of it. Where it is read, paused, rated or brought results, the page's own "
            "name for it does too",
            "example": _CONVERSATION,
        },
        "chatId": {"type": "string", "description": "The page's own name for a conversation", "example": "chat-1"},
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
            "message. With `conversationId` alone the last answer goes on, for whose calls of the caller's tools all "
            "results have been brought. Fields that are not named are ignored.",
            body=ChatRequestSchema,
            example={"message": "What is 12 * 7?", "userId": "user_1"},
            query=FormatSchema,
            headers=ASKED_FOR_IDS,
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
            headers=ASKED_FOR_IDS,
            cost="answer",
            problems=(*_ASKS, Problem.MESSAGE_NOT_FOUND),
        ),
        Operation(
            "get",
            f"{_AGENT}/chat/{{chatId}}/stream",
            "Read an answer on",
            (_STREAMED, Reply(204, "No answer runs in that chat.")),
            description="From its start. What the AI SDK asks for with `resume: true`, whenever a page is loaded.",
            problems=(*_MISSING, Problem.LIMITED),
        ),
        Operation(
            "get",
            f"{_ONE}/stream",
            "Read an answer on from a position",
            (_STREAMED, Reply(204, "No answer runs, and none was asked for with a cursor before its end.")),
            description="The running answer from its start, or with a cursor what comes behind it, also of the last "
            "answer that has ended.",
            query=ReadOnSchema,
            headers=LAST_EVENT_ID,
            problems=(*_MISSING, Problem.LIMITED),
        ),
        *_stops(f"{_AGENT}/chat/{{chatId}}/stop", f"{_ONE}/stop"),
        Operation(
            "post",
            f"{_ONE}/tool-result",
            "Bring the result of a tool of the caller's",
            (ok("It is stored.", _data(a.DoneSchema), {"data": {"success": True}}),),
            description="For a call of one of the agent's `client_tools`, where the last answer ended with "
            "`tool-calls`. When all such calls have theirs, `POST …/chat` with `conversationId` alone goes on. The "
            "same result may be brought again; another one is 409.",
            body=ToolResultSchema,
            example={"toolCallId": "call_1", "output": {"city": "Ulm"}},
            problems=(*_MISSING, Problem.CHANGED),
        ),
        Operation(
            "get",
            "/api/v2/me",
            "Read the key",
            (ok("What it opens, and what is left of its credits.", a.KeySchema),),
            credential="secret key",
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
                Reply(
                    200,
                    "Page by page back from the newest, in order within a page.",
                    (Content({"oneOf": [_data(_list(each), pages=True) for each in _MESSAGES]}),),
                ),
            ),
            description="With `format=ui` as useChat begins with, and safeValidateUIMessages takes.",
            query=MessagesSchema,
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
