"""Chats: made, listed, read, deleted."""

from flask import Response

from app.engine.errors import ChatError, Problem
from app.web.callers.identity import identify
from app.web.requests.body import load_body
from app.web.requests.query import load_query
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.chats import serializers as present
from app.wires.chats.requests import ChatSchema, PageSchema
from app.wires.chats.routes import blueprint, forbidden, is_user, own_chat, stored_id


@blueprint.post("/api/chats")
def create() -> Response:
    """An empty chat."""
    caller, asked = identify(), load_body(ChatSchema)
    if asked["user_id"] is not None and not is_user(caller, asked["user_id"]):
        raise forbidden("create")
    chat = services().chats.create(caller.agent.id, caller.owner, caller.user_id, asked["title"])
    return json_response(present.new_chat(chat), 201)


@blueprint.get("/api/users/<user_id>/chats")
def chats(user_id: str) -> Response:
    """The caller's, the latest begun first."""
    caller = identify()
    asked, stored = load_query(PageSchema), stored_id("userId", user_id)
    if stored != caller.user_id:
        raise forbidden("list")
    found, total = services().chats.all(caller.owner, asked["limit"], asked["offset"])
    return json_response({"chats": [present.chat(each) for each in found], "total": total, **asked})


@blueprint.get("/api/chats/<chat_id>/messages")
def messages(chat_id: str) -> Response:
    """What was said, oldest first."""
    chat = own_chat(identify(), stored_id("chatId", chat_id), "read")
    return json_response({"messages": [present.message(each) for each in services().chats.messages(chat.id)]})


@blueprint.delete("/api/chats/<chat_id>")
def delete(chat_id: str) -> Response:
    """With all that was said. An answer that is under way ends."""
    chat = own_chat(identify(), stored_id("chatId", chat_id), "delete")
    services().chats.delete(chat.id)
    services().engine.running_turns.cancel(chat.id, ChatError(Problem.NOT_FOUND, "The chat was deleted"))
    return present.nothing()
