"""Conversations and messages as this wire's JSON. Ids of messages are `msg_` and the store's, those of conversations
UUIDs; times are epoch seconds."""

from collections.abc import Sequence
from typing import Any

from app.engine.agent import Agent
from app.engine.events import TurnFinished, TurnStarted
from app.engine.messages import Part, TextPart, ToolCallPart, ToolResultPart
from app.store.histories import Conversation
from app.store.messages import StoredMessage
from app.web.requests.ids import public_id


def message_id(stored: str) -> str:
    return f"msg_{stored}"


def finish_metadata(started: TurnStarted, finished: TurnFinished) -> dict[str, Any]:
    """What `finish` says of an answer."""
    return {
        "conversationId": public_id(finished.conversation_id),
        "messageId": message_id(started.answer_id),
        "userMessageId": message_id(started.question_id),
        "userId": started.end_user,
        "finishReason": finished.finish_reason,
        "usage": {"credits": finished.credits},
    }


def answer(started: TurnStarted, finished: TurnFinished) -> dict[str, Any]:
    """An answer that was not streamed."""
    metadata = finish_metadata(started, finished)
    return {
        "id": metadata.pop("messageId"),
        "role": "assistant",
        "parts": parts(finished.message.parts),
        "metadata": metadata,
    }


def parts(said: Sequence[Part]) -> list[dict[str, Any]]:
    """Without reasoning, which this wire's messages do not have."""
    found: list[dict[str, Any]] = []
    for part in said:
        match part:
            case TextPart(text):
                found.append({"type": "text", "text": text})
            case ToolCallPart(call_id, name, args):
                found.append({"type": "tool-call", "toolCallId": call_id, "toolName": name, "input": dict(args)})
            case ToolResultPart(call_id, name, result, _):
                found.append({"type": "tool-result", "toolCallId": call_id, "toolName": name, "output": result})
    return found


def agent(described: Agent) -> dict[str, Any]:
    """Nothing of what it is told, and nothing of its models but their names."""
    return {"id": described.id, "name": described.name, "model": described.models[0], "tools": list(described.tools)}


def conversation(stored: Conversation) -> dict[str, Any]:
    return {
        "id": public_id(stored.id),
        "title": stored.title,
        "createdAt": stored.created_at // 1000,
        "updatedAt": stored.updated_at // 1000,
        "userId": stored.end_user,
        "status": stored.state,
    }


def message(stored: StoredMessage) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": message_id(stored.id),
        "role": stored.message.role,
        "parts": parts(stored.message.parts),
        "createdAt": stored.created_at // 1000,
    }
    if stored.feedback:
        shown["feedback"] = stored.feedback
    if stored.message.role == "assistant":
        shown["metadata"] = {"finishReason": stored.finish_reason, "usage": {"credits": stored.credits or 0}}
    return shown
