"""Chats: made, listed, read, deleted."""

from flask import Response

from app.engine.errors import ChatError, Problem
from app.web.requests.call import Call
from app.web.requests.cursors import make_cursor, read_cursor
from app.web.responses.framing import json_response, no_content
from app.web.services import services
from app.wires.chats import serializers
from app.wires.chats.routes import blueprint, forbidden, is_user, own_chat, stored_id


@blueprint.post("/api/chats")
def create(call: Call) -> Response:
    """An empty chat."""
    caller, body = call.caller, call.body
    if body["user_id"] is not None and not is_user(caller, body["user_id"]):
        raise forbidden("create")
    chat = services().chats.create(caller.agent.id, caller.owner, caller.user_id, body["title"])
    return json_response(serializers.new_chat(chat), 201)


@blueprint.get("/api/users/<user_id>/chats")
def chats(call: Call, user_id: str) -> Response:
    """The caller's, the latest begun first."""
    caller, query = call.caller, call.query
    if stored_id("userId", user_id) != caller.user_id:
        raise forbidden("list")
    page, total = services().chats.all(caller.owner, query["limit"], query["offset"])
    return json_response({"chats": [serializers.chat(each) for each in page], "total": total, **query})


@blueprint.get("/api/chats/<chat_id>/messages")
def messages(call: Call, chat_id: str) -> Response:
    """What was said, oldest first: the last page, or with a cursor one before."""
    stored, query = stored_id("chatId", chat_id), call.query
    pages = ["messages", call.caller.user_id, stored]
    before = read_cursor(query["cursor"], pages)
    own_chat(call.caller, stored, "read")
    page = services().chats.messages(stored, query["limit"], before[0] if before else None)
    more = {"nextCursor": make_cursor(pages, [page.items[0].sequence])} if page.has_more else {}
    return json_response({"messages": [serializers.message(each) for each in page.items], **more})


@blueprint.delete("/api/chats/<chat_id>")
def delete(call: Call, chat_id: str) -> Response:
    """With all that was said. An answer that is under way ends."""
    chat = own_chat(call.caller, stored_id("chatId", chat_id), "delete")
    services().chats.delete(chat.id)
    services().engine.running_turns.cancel(chat.id, ChatError(Problem.NOT_FOUND, "The chat was deleted"))
    return no_content()
