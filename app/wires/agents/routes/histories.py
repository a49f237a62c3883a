"""Agents, conversations and messages, read back; pausing and feedback."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from app.engine.errors import ChatError, Problem
from app.store.histories import ConversationFilter, State
from app.store.messages import StoredMessage
from app.store.pages import Page
from app.web.requests.call import Call
from app.web.requests.cursors import make_cursor, read_cursor
from app.web.requests.ids import public_id
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.agents import serializers
from app.wires.agents.errors import CodedError
from app.wires.agents.routes import blueprint, conversation_named, scope_of
from app.wires.agents.ui_history import ui_messages


@blueprint.get("/health")
def health(_call: Call) -> Response:
    """The process lives; for anybody."""
    return json_response({"status": "ok"})


@blueprint.get("/me")
def key(call: Call) -> Response:
    """The key that is shown, without its text."""
    return json_response(serializers.key(call.caller))


@blueprint.get("/agents")
def agents(call: Call) -> Response:
    """The agent that the key is for, as a list with pages: programs for workspaces of many agents turn them."""
    page = Page([serializers.agent(call.caller.agent)], has_more=False, total=1)
    return json_response({"data": page.items, "pagination": _pagination(page, [], None)})


@blueprint.get("/agents/<agent_id>")
def agent(call: Call) -> Response:
    """One agent."""
    return json_response({"data": serializers.agent(call.caller.agent)})


@blueprint.get("/agents/<agent_id>/conversations")
def conversations(call: Call) -> Response:
    """The key's conversations, those that began last first."""
    return _conversations(call, None)


@blueprint.get("/agents/<agent_id>/users/<user_id>/conversations")
def conversations_of_user(call: Call, user_id: str) -> Response:
    """An end user's conversations, those that were active last first."""
    return _conversations(call, user_id)


@blueprint.get("/agents/<agent_id>/conversations/<conversation_id>")
def conversation(call: Call, conversation_id: str) -> Response:
    """A conversation with its last messages."""
    stored = conversation_named(call, conversation_id)
    page, pagination = _messages(call, stored.id)
    said = [serializers.message(each) for each in page.items]
    return json_response({"data": {**serializers.conversation(stored), "messages": said}, "pagination": pagination})


@blueprint.get("/agents/<agent_id>/conversations/<conversation_id>/messages")
def messages(call: Call, conversation_id: str) -> Response:
    """Messages, page by page back from the newest."""
    stored = conversation_named(call, conversation_id)
    page, pagination = _messages(call, stored.id)
    if call.query["format"] == "ui":
        newest = call.query["cursor"] is None
        said = ui_messages(page.items, stored, call.caller.agent.client_tools, newest=newest)
    else:
        said = [serializers.message(each) for each in page.items]
    return json_response({"data": said, "pagination": pagination})


@blueprint.patch("/agents/<agent_id>/conversations/<conversation_id>")
def pause(call: Call, conversation_id: str) -> Response:
    """Pause a conversation, or let it go on."""
    stored = conversation_named(call, conversation_id).id
    state: State = "paused" if call.body["paused"] else "ongoing"
    services().histories.set_state(scope_of(call), stored, state)
    return json_response({"data": {"id": public_id(stored), "status": state}})


@blueprint.patch("/agents/<agent_id>/conversations/<conversation_id>/messages/<message_id>/feedback")
def rate(call: Call, conversation_id: str, message_id: str) -> Response:
    """Rate an answer, or take the rating back."""
    stored, feedback = conversation_named(call, conversation_id).id, call.body["feedback"]
    try:
        rated = services().histories.rate(scope_of(call), stored, message_id.removeprefix("msg_"), feedback)
    except ChatError as error:
        if error.problem is not Problem.MESSAGE_NOT_FOUND:
            raise
        raise CodedError(error.problem, "RESOURCE_MESSAGE_NOT_FOUND", error.message) from error
    return json_response({"data": serializers.message(rated)})


def _conversations(call: Call, user_id: str | None) -> Response:
    scope, query = scope_of(call), call.query
    kind = ["conversations", scope.agent, scope.owner, user_id]
    last_seen = read_cursor(query["cursor"], kind)
    page = services().histories.conversations(
        scope,
        ConversationFilter(
            limit=query["limit"],
            end_user=user_id,
            created_from=query["start"],
            created_until=query["end"],
            cursor=(last_seen[0], last_seen[1]) if last_seen else None,
            by_activity=user_id is not None,
        ),
    )
    last = page.items[-1] if page.items else None
    position: list[int | str] | None = (
        [last.created_at if user_id is None else last.updated_at, last.id] if last else None
    )
    return json_response({"data": [serializers.conversation(each) for each in page.items],
                          "pagination": _pagination(page, kind, position)})  # fmt: skip


def _messages(call: Call, stored: str) -> tuple[Page[StoredMessage], dict[str, Any]]:
    scope, query = scope_of(call), call.query
    kind = ["messages", scope.agent, scope.owner, stored]
    before = read_cursor(query["cursor"], kind)
    page = services().histories.messages(scope, stored, query["limit"], before[0] if before else None)
    position = [page.items[0].sequence] if page.items else None
    return page, _pagination(page, kind, position)


def _pagination(page: Page[Any], kind: Sequence[str | None], position: Sequence[int | str] | None) -> dict[str, Any]:
    cursor = make_cursor(kind, position) if page.has_more and position else None
    return {"cursor": cursor, "hasMore": page.has_more, "total": page.total}
