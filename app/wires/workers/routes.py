"""POST /api/chat."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, g

from app.engine.conversation import ConversationRef
from app.engine.errors import ChatError, Problem
from app.engine.messages import ToolCallPart
from app.engine.question import Question
from app.web.callers.identity import identify
from app.web.requests.body import load_body
from app.web.responses.framing import json_response
from app.web.responses.streaming import stream, whole
from app.wires.workers.encoder import WorkersEncoder, tool_call, usage_body
from app.wires.workers.requests import ChatRequest, ChatRequestSchema

blueprint = Blueprint("workers", __name__)

_WORDS = {Problem.UNAUTHORIZED: "Access denied: invalid authentication token."}


def error_body(error: ChatError) -> Mapping[str, Any]:
    """`error` repeats the message: the Workers template's own page reads that key."""
    message = _WORDS.get(error.problem, error.message)
    return {"code": error.problem.status, "message": message, "error": message}


@blueprint.post("/api/chat")
def chat() -> Response:
    """Answer as server-sent events, or in one piece where the body says `"stream": false`."""
    caller = identify()
    asked: ChatRequest = load_body(ChatRequestSchema)
    if not caller.agent.allow_system:
        _refuse_system(asked)
    question = Question(
        agent=caller.agent,
        conversation=ConversationRef(caller.agent.id, "workers", caller.owner),
        messages=asked.messages,
        request_id=g.request_id,
        payer=caller.payer,
        options=asked.options,
    )
    return stream(question, WorkersEncoder()) if asked.stream else _whole(question)


def _whole(question: Question) -> Response:
    _, finished = whole(question)
    calls = [tool_call(p.name, p.args) for p in finished.message.parts if isinstance(p, ToolCallPart)]
    return json_response({"response": finished.message.text, "usage": usage_body(finished.usage), "tool_calls": calls})


def _refuse_system(asked: ChatRequest) -> None:
    for index, message in enumerate(asked.messages):
        if message.role == "system":
            place = f"messages.{index}.role"
            words = "This agent takes no system messages."
            raise ChatError(Problem.INVALID, f"{place}: {words}", fields={place: words})
