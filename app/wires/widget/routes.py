"""POST /v1/chat/stream and its alias /chat, with GET to read on and DELETE to stop; POST /v1/chat, in one piece;
feedback; the history of a visitor; and whether a page may chat at all."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response

from app.engine.errors import ChatError, Problem
from app.engine.messages import text_message
from app.engine.question import Question
from app.store.histories import Conversation, HistoryScope
from app.web.callers.caller import Caller
from app.web.callers.visitors import owner_of
from app.web.requests.call import Call
from app.web.requests.cursors import make_cursor, read_cursor
from app.web.requests.ids import stored_id
from app.web.requests.positions import asked_cursor
from app.web.requests.question import conversation_of, new_question
from app.web.responses.following import follow
from app.web.responses.framing import json_response, no_content
from app.web.responses.stopping import stop_answer
from app.web.responses.streaming import stream_answer, wait_for_answer
from app.web.services import services
from app.wires.widget.encoder import WidgetEncoder
from app.wires.widget.serializers import RATINGS, answer, history_message, stopped

blueprint = Blueprint("widget", __name__)

HISTORY = 30  # messages that the model sees, the new one among them


def admit(caller: Caller, _parameters: dict[str, Any]) -> Caller:
    """The caller, as the visitor for whom the site vouches, where it does. Raises ChatError(UNAUTHORIZED)."""
    assert caller.key, "this wire has no anonymous callers"
    visitor = services().visitors.visitor(caller.key)
    return replace(caller, owner=owner_of(caller.key.id, visitor), end_user=visitor) if visitor else caller


@blueprint.post("/v1/chat/stream")
@blueprint.post("/chat")
def chat_stream(call: Call) -> Response:
    """Answer as NDJSON lines."""
    return stream_answer(_question(call), WidgetEncoder(call.caller.agent.show_tools))


@blueprint.get("/v1/chat/stream")
def read_on(call: Call) -> Response:
    """The session's running answer once more, or what is left of its last one from a cursor on; 204 where there is
    neither."""
    answer = services().answers.latest(_conversation(call).id)
    cursor = asked_cursor(call.query["cursor"])
    encoder = WidgetEncoder(call.caller.agent.show_tools)
    return (answer and follow(answer, encoder, cursor)) or no_content()


@blueprint.delete("/v1/chat/stream")
def stop(call: Call) -> Response:
    """End the session's running answer; how the last one stands."""
    answer = stop_answer(_conversation(call).id)
    return json_response(stopped(answer)) if answer else no_content()


@blueprint.post("/v1/chat")
def chat(call: Call) -> Response:
    """Answer in one piece."""
    return json_response(answer(*wait_for_answer(_question(call))))


@blueprint.post("/v1/chat/feedback")
def rate(call: Call) -> Response:
    """Rate an answer of a session, or take the rating back; the last rating counts."""
    histories, scope, body = services().histories, _scope(call.caller), call.body
    found = _conversation(call)
    try:
        histories.rate(scope, found.id, body["message_id"], RATINGS[body["rating"]])
    except ChatError as error:
        if error.problem is Problem.NOT_AN_ANSWER:  # a question's id is told to nobody here
            raise ChatError(Problem.MESSAGE_NOT_FOUND) from error
        raise
    return json_response({"messageId": body["message_id"], "rating": body["rating"]})


@blueprint.get("/v1/chat/widget")
def may_chat(_call: Call) -> Response:
    """That it may: who may not has been refused before."""
    return no_content()


@blueprint.get("/v1/chat/history")
def history(call: Call) -> Response:
    """The last page of a vouched-for visitor's latest conversation, or of the one of a session; with a cursor, a page
    before."""
    caller, query, histories = call.caller, call.query, services().histories
    if caller.end_user is None:
        raise ChatError(Problem.UNAUTHORIZED)
    scope = _scope(caller)
    pages = ["history", scope.agent, scope.owner, query["session_id"]]
    position = read_cursor(query["cursor"], pages)
    if position:
        conversation_id, session_id, before = position
        page = histories.messages(scope, conversation_id, query["limit"], before)
    else:
        found = histories.latest(scope, query["session_id"], query["limit"])
        if found is None:
            return json_response({"sessionId": None, "messages": []})
        conversation_id, session_id, page = found
    position = [conversation_id, session_id, page.items[0].sequence] if page.has_more else None
    more = {"nextCursor": make_cursor(pages, position)} if position else {}
    return json_response({"sessionId": session_id, "messages": [history_message(each) for each in page.items], **more})


def _conversation(call: Call) -> Conversation:
    """That the session's query or body names. Raises ChatError(NOT_FOUND)."""
    session = (call.body or call.query)["session_id"]
    return services().histories.conversation(_scope(call.caller), stored_id(session), session)


def _scope(caller: Caller) -> HistoryScope:
    return HistoryScope(caller.agent.id, blueprint.name, caller.owner)


def _question(call: Call) -> Question:
    conversation = conversation_of(
        call, blueprint.name, external_id=call.body.session_id, end_user=call.caller.end_user
    )
    messages = [text_message("user", call.body.message)]
    return new_question(call, conversation, messages, history=HISTORY - 1, shows_sources=True)
