"""Users, chats and messages as this wire's JSON. Ids are UUIDs with dashes; times are ISO 8601, in UTC."""

from datetime import UTC, datetime
from typing import Any

from app.engine.agent import ToolSpec
from app.engine.messages import Message, ToolCallPart, ToolResultPart
from app.settings.records import ModelSettings
from app.store.answer_states import AnswerState
from app.store.chats import Chat
from app.store.messages import StoredMessage
from app.store.runs import RunRecord, StepRecord
from app.store.users import Session, User
from app.web.requests.ids import public_id
from app.web.responses.tools import tool_call, tool_result
from app.workflows.catalogue import CatalogueEntry


def user(account: User) -> dict[str, Any]:
    made = _moment(account.created_at)
    return {
        "id": public_id(account.id),
        "email": account.email,
        "name": account.name,
        "emailVerified": False,  # nobody looks
        "image": account.image,
        "createdAt": made,
        "updatedAt": made,  # it does not change
    }


def session(opened: Session) -> dict[str, Any]:
    """As better-auth's clients know it, but for the token, which no page is to read."""
    return {
        "id": public_id(opened.id),
        "userId": public_id(opened.user.id),
        "expiresAt": _moment(opened.expires_at),
        "createdAt": _moment(opened.begun_at),
        "updatedAt": _moment(opened.begun_at),
        "ipAddress": None,
        "userAgent": None,
    }


def new_chat(stored: Chat) -> dict[str, Any]:
    return {"id": public_id(stored.id), "title": stored.title, "createdAt": _moment(stored.created_at)}


def chat(stored: Chat) -> dict[str, Any]:
    return {**new_chat(stored), "updatedAt": _moment(stored.updated_at)}


def message(stored: StoredMessage) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": public_id(stored.id),
        "role": stored.message.role,
        "content": stored.message.text,
        "createdAt": _moment(stored.created_at),
        "status": stored.status,
    }
    if stored.message.role == "assistant":
        shown["model"] = stored.model
        calls = _tool_calls(stored.message)
        if calls:
            shown["toolCalls"] = calls
    return shown


def stopped(state: AnswerState) -> dict[str, Any]:
    """How an answer stands that somebody has asked to end."""
    return {
        "messageId": public_id(state.id),
        "status": state.status,
        "content": state.message.text,
        "credits": state.credits,
    }


def model(name: str, settings: ModelSettings) -> dict[str, Any]:
    """Nothing of its options."""
    return {"id": name, "name": name, "provider": settings.provider}


def tool(spec: ToolSpec) -> dict[str, Any]:
    return {"id": spec.name, "name": spec.name, "description": spec.description, "parameters": spec.parameters}


def workflow(entry: CatalogueEntry) -> dict[str, Any]:
    shown = {"id": public_id(entry.id), "version": entry.version, **entry.definition, "shipped": entry.shipped}
    if entry.created_at is not None and entry.updated_at is not None:
        shown |= {"createdAt": _moment(entry.created_at), "updatedAt": _moment(entry.updated_at)}
    return shown


def run(record: RunRecord) -> dict[str, Any]:
    """Without its steps."""
    return {
        "id": public_id(record.id),
        "chatId": public_id(record.conversation_id),
        "workflowId": public_id(record.workflow_id),
        "workflowVersion": record.version,
        "status": record.status,
        "error": record.error,
        "createdAt": _moment(record.created_at),
        "endedAt": None if record.ended_at is None else _moment(record.ended_at),
    }


def run_step(record: StepRecord) -> dict[str, Any]:
    return {
        "id": record.step_id,
        "status": record.status,
        "startedAt": _moment(record.started_at),
        "endedAt": _moment(record.ended_at),
        "result": record.result,
        "error": record.error,
    }


def _tool_calls(said: Message) -> list[dict[str, Any]]:
    """Each with its result, where it came to one."""
    results = {
        part.call_id: tool_result(part.result, is_error=part.is_error)
        for part in said.parts
        if isinstance(part, ToolResultPart)
    }
    return [
        {**tool_call(part.call_id, part.name, part.args), **results.get(part.call_id, {})}
        for part in said.parts
        if isinstance(part, ToolCallPart)
    ]


def _moment(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
