"""POST /v1/chat/stream and its alias /chat, POST /v1/chat for callers that do not stream, and what visitors for whom
their site vouches have said before."""

from collections.abc import Mapping

from flask import Blueprint, Response, g

from app.engine.conversation import ConversationRef, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.messages import said
from app.engine.question import Question
from app.store.histories import HistoryScope
from app.web.callers.identity import Caller, identify
from app.web.callers.visitors import owner_of
from app.web.requests.body import load_body
from app.web.requests.query import load_query
from app.web.responses.framing import json_response
from app.web.responses.streaming import stream, whole
from app.web.services import services
from app.wires.widget.encoder import WidgetEncoder
from app.wires.widget.requests import ChatRequest, ChatRequestSchema, HistorySchema

blueprint = Blueprint("widget", __name__)

WIRE_NAME = "widget"
LONGEST_HISTORY = 100  # messages that are read back
HISTORY = 30  # messages that the model sees, the new one among them

_WORDS = {
    Problem.INVALID: "Invalid request payload",
    Problem.MALFORMED: "Invalid request payload",
    Problem.INTERNAL: "Internal server error",
}


def error_body(error: ChatError) -> Mapping[str, str]:
    """Fixed words, whatever went wrong in detail: widgets show them to visitors."""
    return {"error": _WORDS.get(error.problem, error.problem.message)}


@blueprint.post("/v1/chat/stream")
@blueprint.post("/chat")
def chat_stream() -> Response:
    """Answer as NDJSON lines."""
    question = _question()
    return stream(question, WidgetEncoder(question.agent.show_tools))


@blueprint.post("/v1/chat")
def chat() -> Response:
    """Answer in one piece."""
    _, finished = whole(_question())
    return json_response({"conversationId": finished.conversation_id, "message": finished.message.text})


@blueprint.get("/v1/chat/history")
def history() -> Response:
    """A vouched-for visitor's latest conversation, or the one of a session."""
    caller = identify()
    owner, visitor = _visitor(caller)
    asked = load_query(HistorySchema)
    if visitor is None:
        raise ChatError(Problem.UNAUTHORIZED)
    scope = HistoryScope(caller.agent.id, WIRE_NAME, owner)
    found = services().histories.latest(scope, asked["session_id"], LONGEST_HISTORY)
    if found is None:
        return json_response({"sessionId": None, "messages": []})
    session_id, said_before = found
    listed = [
        {
            "role": each.message.role,
            "message": each.message.text,
            "status": each.status,
            "createdAt": each.created_at,
        }
        for each in said_before
    ]
    return json_response({"sessionId": session_id, "messages": listed})


def _visitor(caller: Caller) -> tuple[str, str | None]:
    """To whom the conversations of this request belong, and the id of the visitor for whom the site vouches."""
    assert caller.key, "this wire has no anonymous callers"
    visitor = services().visitors.visitor(caller.key)
    return (owner_of(caller.key.id, visitor) if visitor else caller.owner), visitor


def _question() -> Question:
    caller = identify()
    owner, visitor = _visitor(caller)
    asked: ChatRequest = load_body(ChatRequestSchema)
    return Question(
        agent=caller.agent,
        conversation=ConversationRef(caller.agent.id, WIRE_NAME, owner, asked.session_id, end_user=visitor),
        messages=[said("user", asked.message)],
        request_id=g.request_id,
        payer=caller.payer,
        history=HISTORY - 1,
        rewind=Rewind("repeat"),
    )
