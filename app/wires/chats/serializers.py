"""Users, chats and messages as this wire's JSON. Ids are UUIDs with dashes; times are ISO 8601, in UTC."""

from datetime import UTC, datetime
from typing import Any

from flask import Response

from app.engine.agent import ToolSpec
from app.engine.messages import Message, ToolCallPart, ToolResultPart
from app.settings.settings import ModelSettings
from app.store.chats import Chat
from app.store.messages import StoredMessage
from app.store.runs import RunRecord, StepRecord
from app.store.users import User
from app.web.requests.ids import public_id
from app.web.responses.tools import tool_call, tool_result
from app.workflows.catalogue import CatalogueEntry


def user(found: User) -> dict[str, Any]:
    return {"id": public_id(found.id), "email": found.email, "name": found.name}


def new_chat(made: Chat) -> dict[str, Any]:
    return {"id": public_id(made.id), "title": made.title, "createdAt": _moment(made.created_at)}


def chat(found: Chat) -> dict[str, Any]:
    return {**new_chat(found), "updatedAt": _moment(found.updated_at)}


def message(found: StoredMessage) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": public_id(found.id),
        "role": found.message.role,
        "content": found.message.text,
        "createdAt": _moment(found.created_at),
        "status": found.status,
    }
    if found.message.role == "assistant":
        shown["model"] = found.model
        calls = _tool_calls(found.message)
        if calls:
            shown["toolCalls"] = calls
    return shown


def model(name: str, found: ModelSettings) -> dict[str, Any]:
    """Nothing of its options."""
    return {"id": name, "name": name, "provider": found.provider}


def tool(found: ToolSpec) -> dict[str, Any]:
    return {"id": found.name, "name": found.name, "description": found.description, "parameters": found.parameters}


def workflow(found: CatalogueEntry) -> dict[str, Any]:
    shown = {"id": public_id(found.id), "version": found.version, **found.definition, "shipped": found.shipped}
    if found.created_at is not None and found.updated_at is not None:
        shown |= {"createdAt": _moment(found.created_at), "updatedAt": _moment(found.updated_at)}
    return shown


def run(found: RunRecord) -> dict[str, Any]:
    """Without its steps."""
    return {
        "id": public_id(found.id),
        "chatId": public_id(found.conversation_id),
        "workflowId": public_id(found.workflow_id),
        "workflowVersion": found.version,
        "status": found.status,
        "error": found.error,
        "createdAt": _moment(found.created_at),
        "endedAt": None if found.ended_at is None else _moment(found.ended_at),
    }


def run_step(found: StepRecord) -> dict[str, Any]:
    return {
        "id": found.step_id,
        "status": found.status,
        "startedAt": _moment(found.started_at),
        "endedAt": _moment(found.ended_at),
        "result": found.result,
        "error": found.error,
    }


def nothing() -> Response:
    """204."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


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
