"""POST /api/chat; GET reads an answer on, and DELETE stops it."""

from collections.abc import Sequence

from flask import Blueprint, Response

from app.engine.errors import ChatError, Problem
from app.engine.messages import Message, ToolCallPart
from app.engine.question import Question
from app.web.requests.asked_answer import asked_answer
from app.web.requests.call import Call
from app.web.requests.question import conversation_of, new_question
from app.web.responses.following import follow
from app.web.responses.framing import json_response, no_content
from app.web.responses.stopping import stop_answer
from app.web.responses.streaming import stream_answer, wait_for_answer
from app.wires.workers.encoder import WorkersEncoder, finish_reason, stopped, tool_call, usage_body
from app.wires.workers.requests import ChatRequest

blueprint = Blueprint("workers", __name__)


@blueprint.post("/api/chat")
def chat(call: Call) -> Response:
    """Answer as server-sent events, or in one piece where the body says `"stream": false`."""
    body: ChatRequest = call.body
    posted, agent = body.conversation.said, call.caller.agent
    if not agent.allow_system:
        _refuse_system(body.conversation.system)
    keeps = (
        call.caller.key is not None
    )  # anybody may post anything: of callers without a key only what is asked is kept
    question = new_question(
        call,
        conversation_of(call, blueprint.name),
        [posted.question],
        options=body.options,
        client_history=(*posted.earlier, posted.question) if keeps else posted.messages,
        posted=posted.earlier if keeps else None,
        so_far=posted.so_far if keeps else None,
    )
    return stream_answer(question, WorkersEncoder(agent.show_tools)) if body.stream else _whole(question)


@blueprint.get("/api/chat")
def read_on(call: Call) -> Response:
    """What comes behind the cursor, of an answer that runs or has ended; 204 behind its last event."""
    cursor, answer = asked_answer(call, blueprint.name, call.query["cursor"])
    return follow(answer, WorkersEncoder(call.caller.agent.show_tools), cursor) or no_content()


@blueprint.delete("/api/chat")
def stop(call: Call) -> Response:
    """End the answer; how it stands."""
    _, answer = asked_answer(call, blueprint.name)
    return json_response(stopped(stop_answer(answer.conversation_id, answer.id) or answer))


def _whole(question: Question) -> Response:
    _, finished = wait_for_answer(question)
    said = Message("assistant", finished.message.parts[len(question.so_far.parts) if question.so_far else 0 :])
    shown = [part for part in said.parts if isinstance(part, ToolCallPart) and question.agent.show_tools]
    return json_response(
        {
            "response": said.text,
            "usage": usage_body(finished.usage),
            "tool_calls": [tool_call(call.name, call.args) for call in shown],
            "finish_reason": finish_reason(finished.finish_reason),
        }
    )


def _refuse_system(places: Sequence[int]) -> None:
    for index in places:
        place = f"messages.{index}.role"
        reason = "This agent takes no system messages."
        raise ChatError(Problem.INVALID, f"{place}: {reason}", fields={place: reason})
