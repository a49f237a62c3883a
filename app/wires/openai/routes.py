"""POST /v1/chat/completions; GET reads an answer on, and DELETE stops it; and the names that can be asked for."""

from collections.abc import Sequence

from flask import Blueprint, Response

from app.engine.errors import ChatError, Problem
from app.engine.messages import Message
from app.engine.needs import Need
from app.engine.question import Question
from app.web.requests.asked_answer import asked_answer
from app.web.requests.call import Call
from app.web.requests.caller_tools import of_answer, of_tools, refuse_shadowing
from app.web.requests.model_names import agent_called, models_of
from app.web.requests.question import conversation_of, new_question
from app.web.responses.following import follow
from app.web.responses.framing import json_response, no_content
from app.web.responses.stopping import stop_answer
from app.web.responses.streaming import stream_answer, wait_for_answer
from app.wires.openai.encoder import CompletionEncoder
from app.wires.openai.requests import CompletionRequest
from app.wires.openai.serializers import completion, model_entry, model_page, stopped

blueprint = Blueprint("openai", __name__)

_NO_LIST = "Completions are not listed here. An answer is read on by its position, in Last-Event-ID."
_PLACES: dict[Need, str] = {
    "stop": "stop",
    "schema": "response_format",
    "json": "response_format",
    "calls": "tool_choice",
}


@blueprint.post("/v1/chat/completions")
def create(call: Call) -> Response:
    """Answer as server-sent events where the body says `"stream": true`, or in one piece."""
    body: CompletionRequest = call.body
    question = _question(call, body)
    if body.stream:
        encoder = CompletionEncoder(body.model, of_tools(body.tools), include_usage=body.include_usage)
        return stream_answer(question, encoder)
    started, finished = wait_for_answer(question)
    said_before = len(question.so_far.parts) if question.so_far else 0
    said = Message("assistant", finished.message.parts[said_before:])
    return json_response(completion(body.model, said, started, finished, of_tools(body.tools)))


@blueprint.get("/v1/chat/completions")
def read_on(call: Call) -> Response:
    """What comes behind the cursor, of an answer that runs or has ended; 204 behind its last event."""
    cursor, answer = asked_answer(call, blueprint.name, call.query["cursor"], _NO_LIST)
    agent = call.caller.agent
    return follow(answer, CompletionEncoder(agent.id, of_answer(agent, answer)), cursor) or no_content()


@blueprint.delete("/v1/chat/completions")
def stop(call: Call) -> Response:
    """End the answer; how it stands."""
    _, answer = asked_answer(call, blueprint.name)
    return json_response(stopped(stop_answer(answer.conversation_id, answer.id) or answer))


@blueprint.get("/v1/models")
def models(call: Call) -> Response:
    """The agent, and its models; or a page of these."""
    query = call.query
    names, end = [*models_of(call.caller.agent)], query["before_id"]
    return json_response(model_page(names, query["limit"], after=query["after_id"], before=end))


@blueprint.get("/v1/models/<name>")
def model(call: Call, name: str) -> Response:
    """One of them, by an alias too."""
    agent_called(call.caller.agent, name)
    return json_response(model_entry(name))


def _question(call: Call, body: CompletionRequest) -> Question:
    posted, agent = body.conversation, agent_called(call.caller.agent, body.model)
    if not agent.allow_system:
        _refuse_system(posted.system)
    refuse_shadowing(agent, body.tools)
    said, places = posted.said, {**_PLACES}
    if posted.images:
        places["images"] = posted.images[0]
    return new_question(
        call,
        conversation_of(call, blueprint.name),
        [said.question],
        agent=agent,
        options=body.options,
        tools=body.tools,
        client_history=(*said.earlier, said.question),
        posted=said.earlier,
        so_far=said.so_far,
        places=places,
    )


def _refuse_system(places: Sequence[str]) -> None:
    for place in places:
        reason = "This agent takes no system messages."
        raise ChatError(Problem.INVALID, f"{place}: {reason}", fields={place: reason})
