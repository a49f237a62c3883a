"""POST /v1/messages; GET reads an answer on, and DELETE stops it; and how many tokens a message would take."""

from flask import Blueprint, Response

from app.engine.agent import Agent
from app.engine.errors import ChatError, Problem
from app.engine.messages import Message
from app.engine.needs import Need
from app.engine.question import Question
from app.engine.question_prompt import counted_tokens, estimated_tokens_of
from app.web.requests.asked_answer import asked_answer
from app.web.requests.call import Call
from app.web.requests.caller_tools import of_answer, of_tools, refuse_shadowing
from app.web.requests.model_names import agent_called
from app.web.requests.question import conversation_of, new_question
from app.web.requests.sealed import sealer
from app.web.responses.following import follow
from app.web.responses.framing import json_response, no_content
from app.web.responses.stopping import stop_answer
from app.web.responses.streaming import stream_answer, wait_for_answer
from app.web.services import services
from app.wires.messages.encoder import MessageEncoder
from app.wires.messages.requests import MessageRequest
from app.wires.messages.serializers import stopped, whole_message

blueprint = Blueprint("messages", __name__)


@blueprint.post("/v1/messages")
def create(call: Call) -> Response:
    """Answer as server-sent events where the body says `"stream": true`, or in one piece."""
    body: MessageRequest = call.body
    question, is_callers = _question(call, body), of_tools(body.tools)
    if body.stream:
        tokens = estimated_tokens_of(services().engine, question)
        encoder = MessageEncoder(body.model, is_callers, input_tokens=tokens, shows_thoughts=body.thinks, seal=sealer())
        return stream_answer(question, encoder)
    started, finished = wait_for_answer(question)
    said_before = len(question.so_far.parts) if question.so_far else 0
    said = Message("assistant", finished.message.parts[said_before:])
    return json_response(whole_message(body.model, said, started, finished, is_callers, shows_thoughts=body.thinks))


@blueprint.post("/v1/messages/count_tokens")
def count_tokens(call: Call) -> Response:
    """By the model's server, or estimated."""
    return json_response({"input_tokens": counted_tokens(services().engine, _question(call, call.body))})


@blueprint.get("/v1/messages")
def read_on(call: Call) -> Response:
    """What comes behind the cursor, of an answer that runs or has ended; 204 behind its last event."""
    cursor, answer = asked_answer(call, blueprint.name, call.query["cursor"])
    agent, tokens = call.caller.agent, answer.usage.prompt_tokens
    is_callers = of_answer(agent, answer)
    encoder = MessageEncoder(agent.id, is_callers, input_tokens=tokens, shows_thoughts=True, seal=sealer())
    return follow(answer, encoder, cursor) or no_content()


@blueprint.delete("/v1/messages")
def stop(call: Call) -> Response:
    """End the answer; how it stands."""
    _, answer = asked_answer(call, blueprint.name)
    return json_response(stopped(stop_answer(answer.conversation_id, answer.id) or answer))


def _checked_agent(call: Call, body: MessageRequest) -> Agent:
    """Who is asked. Raises ChatError where the agent does not take what the body has."""
    agent = agent_called(call.caller.agent, body.model)
    if body.system and not agent.allow_system:
        reason = "This agent takes no system prompt."
        raise ChatError(Problem.INVALID, f"system: {reason}", fields={"system": reason})
    refuse_shadowing(agent, body.tools)
    return agent


def _question(call: Call, body: MessageRequest) -> Question:
    agent, said, images = _checked_agent(call, body), body.conversation.said, body.conversation.images
    earlier = (*body.system, *said.earlier)
    places: dict[Need, str] = {"stop": "stop_sequences", "schema": "output_config.format", "calls": "tool_choice"}
    if images:
        places["images"] = images[0]
    return new_question(
        call,
        conversation_of(call, blueprint.name),
        [said.question],
        agent=agent,
        options=body.options,
        tools=body.tools,
        client_history=(*earlier, said.question),
        posted=earlier,
        so_far=said.so_far,
        places=places,
    )
