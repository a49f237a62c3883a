"""POST /api/chat."""

from flask import Blueprint, Response

from app.engine.errors import ChatError, Problem
from app.engine.messages import ToolCallPart
from app.engine.question import Question
from app.web.requests.call import Call
from app.web.requests.question import conversation_of, new_question
from app.web.responses.framing import json_response
from app.web.responses.streaming import stream_answer, wait_for_answer
from app.wires.workers.encoder import WorkersEncoder, tool_call, usage_body
from app.wires.workers.requests import ChatRequest

blueprint = Blueprint("workers", __name__)


@blueprint.post("/api/chat")
def chat(call: Call) -> Response:
    """Answer as server-sent events, or in one piece where the body says `"stream": false`."""
    body: ChatRequest = call.body
    if not call.caller.agent.allow_system:
        _refuse_system(body)
    *posted, last = body.messages
    question = new_question(
        call,
        conversation_of(call, blueprint.name),
        [last],
        options=body.options,
        client_history=body.messages,
        posted=posted if call.caller.key else None,  # anybody may post anything: only what is asked is kept
    )
    return stream_answer(question, WorkersEncoder()) if body.stream else _whole(question)


def _whole(question: Question) -> Response:
    _, finished = wait_for_answer(question)
    calls = [tool_call(p.name, p.args) for p in finished.message.parts if isinstance(p, ToolCallPart)]
    return json_response({"response": finished.message.text, "usage": usage_body(finished.usage), "tool_calls": calls})


def _refuse_system(body: ChatRequest) -> None:
    for index, message in enumerate(body.messages):
        if message.role == "system":
            place = f"messages.{index}.role"
            reason = "This agent takes no system messages."
            raise ChatError(Problem.INVALID, f"{place}: {reason}", fields={place: reason})
