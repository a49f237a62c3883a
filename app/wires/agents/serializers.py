"""Conversations and messages as this wire's JSON. Ids of messages are `msg_` and the store's, those of conversations
UUIDs; times are epoch seconds."""

from collections.abc import Sequence
from typing import Any

from app.engine.agent import Agent
from app.engine.events import TurnFinished, TurnStarted
from app.engine.messages import Part, SourcePart, TextPart, ToolCallPart, ToolResultPart, Usage
from app.store.histories import Conversation
from app.store.messages import StoredMessage
from app.web.callers.caller import Caller
from app.web.requests.ids import public_id


def message_id(stored: str) -> str:
    return f"msg_{stored}"


def start_metadata(started: TurnStarted) -> dict[str, Any]:
    """What `start` says of an answer, so that one that never ends is not lost."""
    return _ids(started, started.conversation_id)


def _ids(started: TurnStarted, conversation_id: str) -> dict[str, Any]:
    return {
        "conversationId": public_id(conversation_id),
        "messageId": message_id(started.answer_id),
        "userMessageId": message_id(started.question_id),
        "userId": started.end_user,
    }


def finish_metadata(started: TurnStarted, finished: TurnFinished) -> dict[str, Any]:
    """What `finish` says of an answer."""
    return {
        **_ids(started, finished.conversation_id),
        "finishReason": finished.finish_reason,
        "usage": {"credits": finished.credits},
    }


def page_metadata(created_at: int, model: str | None, usage: Usage) -> dict[str, Any]:
    """What a message's metadata says besides to pages with the AI SDK, under the names of its documentation (AI SDK UI,
    Message Metadata): `createdAt` is in milliseconds there, as JavaScript's `Date` has it. What is not known is left
    out: models' names before one has begun, tokens where nobody has counted them."""
    total = usage.prompt_tokens + usage.completion_tokens
    tokens = {"inputTokens": usage.prompt_tokens, "outputTokens": usage.completion_tokens, "totalTokens": total}
    return {"createdAt": created_at, **({"model": model} if model else {}), **(tokens if total else {})}


def answer(started: TurnStarted, finished: TurnFinished) -> dict[str, Any]:
    """An answer that was not streamed. Where it waits for the caller, its calls are those that the caller is to run."""
    metadata = finish_metadata(started, finished)
    said = finished.message.parts
    if finished.finish_reason == "tool-calls":
        returned = {part.call_id for part in said if isinstance(part, ToolResultPart)}
        said = tuple(part for part in said if getattr(part, "call_id", None) not in returned)
    return {"id": metadata.pop("messageId"), "role": "assistant", "parts": parts(said), "metadata": metadata}


def source_part(found: SourcePart, number: int) -> dict[str, Any]:
    """What an answer may be based on, as the AI SDK's streams and messages have it; numbered from 1 in each answer."""
    if found.link:
        return {"type": "source-url", "sourceId": f"s{number}", "url": found.link, "title": found.source}
    shown = {"mediaType": "text/markdown", "title": found.title, "filename": found.source}
    return {"type": "source-document", "sourceId": f"s{number}", **shown}


def parts(said: Sequence[Part]) -> list[dict[str, Any]]:
    """Without reasoning and sources, which this wire's messages do not have."""
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
    return {
        "id": described.id,
        "name": described.name,
        "model": described.models[0],
        "tools": list(described.tools),
        "visibility": "public" if described.public else "private",
    }


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
        shown["metadata"] = answer_metadata(stored)
    return shown


def answer_metadata(stored: StoredMessage) -> dict[str, Any]:
    """What is kept of how an answer ended."""
    return {"finishReason": stored.finish_reason, "usage": {"credits": stored.credits or 0}}


def key(holder: Caller) -> dict[str, Any]:
    """Of `GET /me`, as Chatbase's command line reads it (chatbase-cli, src/commands/auth/status.ts). The key's agent is
    its workspace."""
    own = holder.key
    assert own, "only keys call this wire"
    left = None if own.credits is None else max(own.credits - own.spent, 0)
    return {
        "workspace": {"id": holder.agent.id, "name": holder.agent.name},
        "plan": "self-hosted",
        "credential": {
            "name": own.name,
            "kind": own.kind,
            "source": "api",
            "createdAt": own.created_at // 1000,
            "expiresAt": None,
            "permissions": None,
        },
        "agent": agent(holder.agent),
        "credits": {"limit": own.credits, "used": own.spent, "left": left},
    }
