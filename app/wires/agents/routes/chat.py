"""POST …/chat and …/retry: a question, in which of two forms, and the answer, in which of three."""

from flask import Response, g, request

from app.engine.agent import Agent
from app.engine.conversation import ConversationRef, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.question import Question
from app.web.callers.identity import Caller
from app.web.requests.body import load_body
from app.web.responses.framing import NDJSON, json_response
from app.web.responses.streaming import stream, whole
from app.web.wire import Encoder
from app.wires.agents import serializers as present
from app.wires.agents.encoder import LinesEncoder, UIMessageEncoder
from app.wires.agents.requests import ChatRequest, ChatRequestSchema, RetrySchema
from app.wires.agents.routes import WIRE_NAME, blueprint, caller_of, stored_id

_NDJSON_TYPE = NDJSON.partition(";")[0]


@blueprint.post("/agents/<agent_id>/chat")
def chat(agent_id: str) -> Response:
    """Answer a new message, the last one once more, or go on with outputs of the caller's tools."""
    caller = caller_of(agent_id)
    asked: ChatRequest = load_body(ChatRequestSchema)
    encoder = _encoder(caller.agent, from_sdk=asked.from_sdk)
    return _answer(_question(caller, asked), encoder if asked.stream else None)


@blueprint.post("/agents/<agent_id>/conversations/<conversation_id>/retry")
def retry(agent_id: str, conversation_id: str) -> Response:
    """Answer a question once more, in place of an answer and all behind it."""
    caller = caller_of(agent_id)
    asked = load_body(RetrySchema)
    question = Question(
        agent=caller.agent,
        conversation=ConversationRef(caller.agent.id, WIRE_NAME, caller.owner, id=stored_id(conversation_id)),
        messages=(),
        request_id=g.request_id,
        payer=caller.payer,
        history=caller.agent.history_messages,
        rewind=Rewind("retry", (asked["message_id"],)),
    )
    encoder = _encoder(caller.agent, from_sdk=False)
    return _answer(question, encoder if asked["stream"] else None)


def _answer(question: Question, encoder: Encoder | None) -> Response:
    if encoder is None:
        started, finished = whole(question)
        return json_response({"data": present.answer(started, finished)})
    response = stream(question, encoder)
    if isinstance(encoder, UIMessageEncoder):
        response.headers["x-vercel-ai-ui-message-stream"] = "v1"
    return response


def _encoder(agent: Agent, *, from_sdk: bool) -> Encoder:
    """The request says which stream it wants; Node's `fetch` and the AI SDK send the same headers, so the body does."""
    wanted, accepted = request.args.get("format"), request.headers.get("Accept", "").lower()
    if wanted not in (None, "sse", "ndjson"):
        raise ChatError(Problem.INVALID, "format: Must be sse or ndjson.", fields={"format": "Must be sse or ndjson."})
    if wanted == "ndjson" or (wanted is None and _NDJSON_TYPE in accepted):
        return LinesEncoder()
    strict = from_sdk or "text/event-stream" in accepted
    if wanted is None and not strict and agent.stream_format == "ndjson":
        return LinesEncoder()
    return UIMessageEncoder(documented=not strict)


def _question(caller: Caller, asked: ChatRequest) -> Question:
    agent, last = caller.agent, asked.messages[-1]
    from_user = last.message.role == "user"
    rewind = _rewind(asked)
    history = None
    if agent.client_history and len(asked.messages) > 1:
        _refuse_parts(agent, asked)
        history = [each.message for each in (asked.messages if from_user else asked.messages[:-1])]
    return Question(
        agent=agent,
        conversation=ConversationRef(
            agent.id,
            WIRE_NAME,
            caller.owner,
            external_id=asked.chat_id if asked.from_sdk else None,
            id=stored_id(asked.conversation_id) if asked.conversation_id else None,
            end_user=asked.user_id,
        ),
        messages=(last.message,) if from_user else (),
        request_id=g.request_id,
        payer=caller.payer,
        history=agent.history_messages,
        external_id=last.id if from_user else None,
        rewind=rewind,
        runs_tools=asked.from_sdk,
        client_history=history,
    )


def _refuse_parts(agent: Agent, asked: ChatRequest) -> None:
    """Where the model sees the posted history, none of it may be left out silently."""
    problems = {
        f"messages.{index}.{part}": why
        for index, message in enumerate(asked.messages)
        for part, why in message.refused.items()
    }
    if not agent.allow_system:
        system = [index for index, each in enumerate(asked.messages) if each.message.role == "system"]
        problems |= {f"messages.{index}.role": "This agent takes no system messages." for index in system}
    if problems:
        listed = "; ".join(f"{place}: {why}" for place, why in problems.items())
        raise ChatError(Problem.INVALID, listed, fields=problems)


def _rewind(asked: ChatRequest) -> Rewind | None:
    """A message whose id is known already is an edited one, or one that is sent again."""
    last = asked.messages[-1]
    named = tuple(each for each in (asked.message_id, last.id) if each)
    if not asked.from_sdk or not named:
        return None
    if asked.trigger == "regenerate-message":
        return Rewind("again", named)
    if last.message.role == "assistant":
        return Rewind("resume", (last.id or "",), last.results)
    return Rewind("edit", named)
