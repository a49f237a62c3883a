"""POST …/chat and …/retry: a question, in which of two forms, and the answer, in which of three."""

from collections.abc import Sequence

from flask import Response, request

from app.engine.agent import Agent
from app.engine.conversation import Rewind
from app.engine.question import Question
from app.web.requests.call import Call
from app.web.requests.query import invalid
from app.web.requests.question import conversation_of, new_question
from app.web.responses.framing import NDJSON, json_response
from app.web.responses.streaming import stream_answer, wait_for_answer
from app.web.wire import Encoder
from app.wires.agents import serializers
from app.wires.agents.encoder import LinesEncoder, UIMessageEncoder
from app.wires.agents.requests import ChatRequest, load_earlier
from app.wires.agents.routes import blueprint, stored_conversation_id
from app.wires.agents.ui_message import UIMessage

_NDJSON_TYPE = NDJSON.partition(";")[0]


@blueprint.post("/agents/<agent_id>/chat")
def chat(call: Call) -> Response:
    """Answer a new message, the last one once more, or go on with outputs of the caller's tools."""
    encoder = _encoder(call, from_sdk=call.body.from_sdk) if call.body.stream else None
    return _answer(_question(call), encoder)


@blueprint.post("/agents/<agent_id>/conversations/<conversation_id>/retry")
def retry(call: Call, conversation_id: str) -> Response:
    """Answer a question once more, in place of an answer and all behind it."""
    conversation = conversation_of(call, blueprint.name, conversation_id=stored_conversation_id(conversation_id))
    rewind = Rewind("retry", (call.body["message_id"],))
    question = new_question(call, conversation, (), history=call.caller.agent.history_messages, rewind=rewind)
    return _answer(question, _encoder(call, from_sdk=False) if call.body["stream"] else None)


def _answer(question: Question, encoder: Encoder | None) -> Response:
    if encoder is None:
        started, finished = wait_for_answer(question)
        return json_response({"data": serializers.answer(started, finished)})
    response = stream_answer(question, encoder)
    if isinstance(encoder, UIMessageEncoder):
        response.headers["x-vercel-ai-ui-message-stream"] = "v1"
    return response


def _encoder(call: Call, *, from_sdk: bool) -> Encoder:
    """The stream that the request asks for, by `format`, else by `Accept`, else by its body: Node's `fetch` and the AI
    SDK send the same headers."""
    wanted, accepted = call.query["format"], request.headers.get("Accept", "").lower()
    if wanted == "ndjson" or (wanted is None and _NDJSON_TYPE in accepted):
        return LinesEncoder()
    strict = from_sdk or "text/event-stream" in accepted
    if wanted is None and not strict and call.caller.agent.stream_format == "ndjson":
        return LinesEncoder()
    return UIMessageEncoder(documented=not strict)


def _question(call: Call) -> Question:
    body: ChatRequest = call.body
    agent, last = call.caller.agent, body.last
    from_user = last.message.role == "user"
    history = None
    if agent.client_history and body.earlier:
        earlier = load_earlier(body)
        _refuse_parts(agent, [*earlier, last])
        history = [each.message for each in (*earlier, *([last] if from_user else ()))]
    conversation = conversation_of(
        call,
        blueprint.name,
        conversation_id=stored_conversation_id(body.conversation_id) if body.conversation_id else None,
        external_id=body.chat_id if body.from_sdk else None,
        end_user=body.user_id,
    )
    return new_question(
        call,
        conversation,
        (last.message,) if from_user else (),
        history=agent.history_messages,
        message_id=last.id if from_user else None,
        rewind=_rewind(agent, body),
        runs_tools=body.from_sdk,
        client_history=history,
    )


def _refuse_parts(agent: Agent, messages: Sequence[UIMessage]) -> None:
    """Where the model sees the posted history, none of it may be left out silently."""
    problems = [
        (f"messages.{index}.{part}", why)
        for index, message in enumerate(messages)
        for part, why in message.refused.items()
    ]
    if not agent.allow_system:
        system = [index for index, each in enumerate(messages) if each.message.role == "system"]
        problems += [(f"messages.{index}.role", "This agent takes no system messages.") for index in system]
    if problems:
        raise invalid(problems)


def _rewind(agent: Agent, body: ChatRequest) -> Rewind | None:
    """A message whose id is known already is an edited one, or one that is sent again."""
    last = body.last
    named = tuple(each for each in (body.message_id, last.id) if each)
    if not body.from_sdk or not named:
        return None
    if body.trigger == "regenerate-message":
        return Rewind("again", named)
    if last.message.role == "assistant":
        return Rewind("resume", (last.id or "",), last.results, frozenset(tool.name for tool in agent.client_tools))
    return Rewind("edit", named)
