"""POST /api/chat; GET reads an answer on, and DELETE stops it."""

from collections.abc import Sequence

from flask import Blueprint, Response

from app.engine.agent import ToolSpec
from app.engine.errors import ChatError, Problem
from app.engine.events import ToolCalled
from app.engine.messages import Message, ToolCallPart
from app.engine.question import Question
from app.web.requests.asked_answer import asked_answer
from app.web.requests.call import Call
from app.web.requests.caller_tools import IsCallers, of_answer, of_tools, refuse_shadowing
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
    if body.tools:
        _check_tools(call, body.tools)
    is_shown = _every_call if agent.show_tools else of_tools(body.tools)
    question = new_question(
        call,
        conversation_of(call, blueprint.name),
        [posted.question],
        options=body.options,
        client_history=(*posted.earlier, posted.question) if keeps else posted.messages,
        posted=posted.earlier if keeps else None,
        so_far=posted.so_far if keeps else None,
        tools=body.tools,
    )
    return stream_answer(question, WorkersEncoder(is_shown)) if body.stream else _whole(question, is_shown)


@blueprint.get("/api/chat")
def read_on(call: Call) -> Response:
    """What comes behind the cursor, of an answer that runs or has ended; 204 behind its last event."""
    cursor, answer = asked_answer(call, blueprint.name, call.query["cursor"])
    agent, keyed = call.caller.agent, call.caller.key is not None
    is_shown = _every_call if agent.show_tools else of_answer(agent, answer) if keyed else of_tools(())
    return follow(answer, WorkersEncoder(is_shown), cursor) or no_content()


@blueprint.delete("/api/chat")
def stop(call: Call) -> Response:
    """End the answer; how it stands."""
    _, answer = asked_answer(call, blueprint.name)
    return json_response(stopped(stop_answer(answer.conversation_id, answer.id) or answer))


def _every_call(_call: ToolCalled) -> bool:
    return True


def _check_tools(call: Call, tools: Sequence[ToolSpec]) -> None:
    """Raises ChatError(INVALID)."""
    if call.caller.key is None:
        reason = "Only who has a key may bring tools."
        raise ChatError(Problem.INVALID, f"tools: {reason}", fields={"tools": reason})
    refuse_shadowing(call.caller.agent, tools)


def _whole(question: Question, is_shown: IsCallers) -> Response:
    _, finished = wait_for_answer(question)
    said = Message("assistant", finished.message.parts[len(question.so_far.parts) if question.so_far else 0 :])
    calls = [part for part in said.parts if isinstance(part, ToolCallPart)]
    shown = [part for part in calls if is_shown(ToolCalled(part.call_id, part.name, part.args))]
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
