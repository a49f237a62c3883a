"""Agents, conversations and messages, read back; pausing and feedback."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Response
from itsdangerous import BadData
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app.engine.errors import ChatError, Problem
from app.store.histories import ConversationFilter, Page
from app.web.callers.identity import identify
from app.web.requests.body import load_body
from app.web.requests.fields import Digits, Flag
from app.web.requests.query import load_query
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.agents import serializers as present
from app.wires.agents.errors import CodedError
from app.wires.agents.routes import blueprint, caller_of, scope_of, stored_id


class Moment(fields.Field[int]):
    """Epoch seconds or an ISO 8601 date, as epoch milliseconds; without a time zone it is UTC."""

    described = {"type": "string", "description": "ISO 8601, or epoch seconds"}  # noqa: RUF012 - read only

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        try:
            moment = datetime.fromtimestamp(int(value), UTC) if value.isdecimal() else datetime.fromisoformat(value)
        except (ValueError, OverflowError, OSError) as error:
            raise ValidationError("Not a date such as 2026-01-31, nor epoch seconds.") from error
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


class PageSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    cursor = fields.String(load_default=None, metadata={"description": "From the page before"})
    limit = Digits(load_default=20, validate=validate.Range(1, 100))


class ConversationsSchema(PageSchema):
    start = Moment(data_key="startDate", load_default=None)
    end = Moment(data_key="endDate", load_default=None)


class PausedSchema(Schema):
    paused = Flag(required=True)


class FeedbackSchema(Schema):
    feedback = fields.String(required=True, allow_none=True, validate=validate.OneOf(["positive", "negative"]))


@blueprint.get("/health")
def health() -> Response:
    """The process lives; for anybody."""
    return json_response({"status": "ok"})


@blueprint.get("/agents")
def agents() -> Response:
    """The agent that the key is for, as a list with pages: programs for workspaces of many agents turn them."""
    found = Page([present.agent(identify().agent)], has_more=False, total=1)
    return json_response({"data": found.items, "pagination": _pagination(found, [], None)})


@blueprint.get("/agents/<agent_id>")
def agent(agent_id: str) -> Response:
    """One agent."""
    return json_response({"data": present.agent(caller_of(agent_id).agent)})


@blueprint.get("/agents/<agent_id>/conversations")
def conversations(agent_id: str) -> Response:
    """The key's conversations, those that began last first."""
    return _conversations(agent_id, None)


@blueprint.get("/agents/<agent_id>/users/<user_id>/conversations")
def conversations_of_user(agent_id: str, user_id: str) -> Response:
    """An end user's conversations, those that were active last first."""
    return _conversations(agent_id, user_id)


@blueprint.get("/agents/<agent_id>/conversations/<conversation_id>")
def conversation(agent_id: str, conversation_id: str) -> Response:
    """A conversation with its last messages."""
    found = services().histories.conversation(scope_of(agent_id), stored_id(conversation_id))
    messages, pagination = _messages(agent_id, conversation_id)
    return json_response({"data": {**present.conversation(found), "messages": messages}, "pagination": pagination})


@blueprint.get("/agents/<agent_id>/conversations/<conversation_id>/messages")
def messages(agent_id: str, conversation_id: str) -> Response:
    """Messages, page by page back from the newest."""
    found, pagination = _messages(agent_id, conversation_id)
    return json_response({"data": found, "pagination": pagination})


@blueprint.patch("/agents/<agent_id>/conversations/<conversation_id>")
def pause(agent_id: str, conversation_id: str) -> Response:
    """Pause a conversation, or let it go on."""
    scope, stored = scope_of(agent_id), stored_id(conversation_id)
    state = "paused" if load_body(PausedSchema)["paused"] else "ongoing"
    services().histories.set_state(scope, stored, state)  # type: ignore[arg-type]  # one of two states
    return json_response({"data": {"id": present.conversation_id(stored), "status": state}})


@blueprint.patch("/agents/<agent_id>/conversations/<conversation_id>/messages/<message_id>/feedback")
def rate(agent_id: str, conversation_id: str, message_id: str) -> Response:
    """Rate an answer, or take the rating back."""
    scope, stored = scope_of(agent_id), stored_id(conversation_id)
    feedback = load_body(FeedbackSchema)["feedback"]
    try:
        rated = services().histories.rate(scope, stored, message_id.removeprefix("msg_"), feedback)
    except ChatError as error:
        if error.problem is not Problem.MESSAGE_NOT_FOUND:
            raise
        raise CodedError(error.problem, "RESOURCE_MESSAGE_NOT_FOUND", error.message) from error
    return json_response({"data": present.message(rated)})


def _conversations(agent_id: str, user_id: str | None) -> Response:
    scope, asked = scope_of(agent_id), load_query(ConversationsSchema)
    kind = ["conversations", scope.agent, scope.owner, user_id]
    last_seen = _position(asked["cursor"], kind)
    page = services().histories.conversations(
        scope,
        ConversationFilter(
            limit=asked["limit"],
            end_user=user_id,
            created_from=asked["start"],
            created_until=asked["end"],
            cursor=(last_seen[0], last_seen[1]) if last_seen else None,
            by_activity=user_id is not None,
        ),
    )
    last = page.items[-1] if page.items else None
    position: list[int | str] | None = (
        [last.created_at if user_id is None else last.updated_at, last.id] if last else None
    )
    return json_response({"data": [present.conversation(each) for each in page.items],
                          "pagination": _pagination(page, kind, position)})  # fmt: skip


def _messages(agent_id: str, conversation_id: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    scope, stored, asked = scope_of(agent_id), stored_id(conversation_id), load_query(PageSchema)
    kind = ["messages", scope.agent, scope.owner, stored]
    before = _position(asked["cursor"], kind)
    page = services().histories.messages(scope, stored, asked["limit"], before[0] if before else None)
    position = [page.items[0].sequence] if page.items else None
    return [present.message(each) for each in page.items], _pagination(page, kind, position)


def _pagination(page: Page[Any], kind: Sequence[str | None], position: Sequence[int | str] | None) -> dict[str, Any]:
    """A cursor says, signed, what it is a cursor of, and where it points."""
    cursor = services().signer.dumps([*kind, position]) if page.has_more else None
    return {"cursor": cursor, "hasMore": page.has_more, "total": page.total}


def _position(cursor: str | None, kind: Sequence[str | None]) -> Any:
    """Where a cursor points. Raises ChatError(INVALID) for one that was not made here, or for something else."""
    if cursor is None:
        return None
    try:
        *of, position = services().signer.loads(cursor)
    except BadData:
        of = []
    if of != list(kind):
        raise ChatError(
            Problem.INVALID, "cursor: Not a cursor of this list.", fields={"cursor": "Not a cursor of this list."}
        )
    return position
