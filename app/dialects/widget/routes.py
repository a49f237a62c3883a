"""POST /v1/chat/stream and its alias /chat, and POST /v1/chat for callers that do not stream."""

from collections.abc import Mapping

from flask import Blueprint, Response, g

from app.dialects.widget.encoder import WidgetEncoder
from app.dialects.widget.schema import ChatRequest, ChatRequestSchema
from app.engine.engine import Question
from app.engine.errors import ChatError, Problem
from app.engine.messages import said
from app.engine.ports import ConversationRef
from app.http.answer import stream, whole
from app.http.body import load_body
from app.http.identity import identify
from app.http.wire import json_response

blueprint = Blueprint("widget", __name__)

HISTORY = 30  # messages that the model sees, the new one among them

_WORDS = {Problem.INVALID: "Invalid request payload", Problem.INTERNAL: "Internal server error"}


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
    finished = whole(_question())
    return json_response({"conversationId": finished.conversation_id, "message": finished.message.text})


def _question() -> Question:
    caller = identify()
    asked: ChatRequest = load_body(ChatRequestSchema())
    return Question(
        agent=caller.agent,
        conversation=ConversationRef(caller.agent.id, "widget", caller.owner, asked.session_id),
        messages=[said("user", asked.message)],
        request_id=g.request_id,
        history=HISTORY - 1,
    )
