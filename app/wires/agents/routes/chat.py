"""POST …/chat and …/retry: a question, in which of two forms, and the answer, in which of three; and what belongs to
an answer that is under way: results of the caller's tools, and its stream once more."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request

from app.engine.agent import Agent
from app.engine.conversation import ConversationRef, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.needs import Need
from app.engine.question import Question
from app.store.histories import Conversation
from app.web.requests.call import Call
from app.web.requests.positions import StreamCursor, asked_cursor
from app.web.requests.query import invalid
from app.web.requests.question import NO_PLACES, conversation_of, new_question
from app.web.responses.following import follow
from app.web.responses.framing import NDJSON, json_response, no_content
from app.web.responses.stopping import stop_answer
from app.web.responses.streaming import stream_answer, wait_for_answer
from app.web.services import services
from app.web.wire import Encoder
from app.wires.agents import serializers
from app.wires.agents.encoder import LinesEncoder, UIMessageEncoder
from app.wires.agents.errors import CodedError
from app.wires.agents.requests import ChatRequest, load_earlier
from app.wires.agents.routes import blueprint, conversation_named, scope_of, stored_conversation_id
from app.wires.agents.ui_message import UIMessage

_NDJSON_TYPE = NDJSON.partition(";")[0]
_ANSWER = re.compile(r"msg_([0-9a-f]{32})")


@blueprint.post("/agents/<agent_id>/chat")
def chat(call: Call) -> Response:
    """Answer a new message, the last one once more, or go on with outputs of the caller's tools."""
    body: ChatRequest = call.body
    question = _question(call, body, body.last) if body.last else _continuation(call, body)
    return _answer(question, _encoder(call, from_sdk=body.from_sdk) if body.stream else None)


@blueprint.post("/agents/<agent_id>/conversations/<conversation_id>/tool-result")
def add_tool_result(call: Call, conversation_id: str) -> Response:
    """Store the result of a call of the caller's tools, for which the last answer waits."""
    found = conversation_named(call, conversation_id)
    try:
        services().tool_results.add(found.id, call.body["call_id"], call.body["output"], _client_tools(call))
    except ChatError as error:
        if error.problem is Problem.MESSAGE_NOT_FOUND:
            raise CodedError(error.problem, "RESOURCE_TOOL_CALL_NOT_FOUND", "No such tool call waits here") from error
        if error.problem is Problem.CHANGED:
            words = "This tool call has another result already"
            raise CodedError(error.problem, "RESOURCE_TOOL_CALL_RESOLVED", words) from error
        raise
    return json_response({"data": {"success": True}})


@blueprint.get("/agents/<agent_id>/chat/<path:chat_id>/stream")
def resume(call: Call, chat_id: str) -> Response:
    """The chat's running answer whole, from its start, which is what the AI SDK makes a message of; 204 where none
    runs, as in a chat that the page has only just begun."""
    conversation = _chat_named(call, chat_id)
    return _told(call, conversation, UIMessageEncoder(documented=False), None) if conversation else no_content()


@blueprint.get("/agents/<agent_id>/conversations/<conversation_id>/stream")
def read_on(call: Call, conversation_id: str) -> Response:
    """The conversation's running answer once more, or what is left of its last one from a cursor on; 204 where there is
    neither."""
    cursor = asked_cursor(call.query["cursor"])
    return _told(call, conversation_named(call, conversation_id), _encoder(call, from_sdk=False), cursor)


@blueprint.post("/agents/<agent_id>/chat/<path:chat_id>/stop")
def stop_chat(call: Call, chat_id: str) -> Response:
    """End the chat's running answer, unless the caller names another one; 204 also in a chat that the page has only
    just begun."""
    conversation = _chat_named(call, chat_id)
    return _stopped(call, conversation) if conversation else no_content()


@blueprint.post("/agents/<agent_id>/conversations/<conversation_id>/stop")
def stop(call: Call, conversation_id: str) -> Response:
    """The same, of a conversation."""
    return _stopped(call, conversation_named(call, conversation_id))


@blueprint.post("/agents/<agent_id>/conversations/<conversation_id>/retry")
def retry(call: Call, conversation_id: str) -> Response:
    """Answer a question once more, in place of an answer and all behind it."""
    conversation = conversation_of(call, blueprint.name, conversation_id=stored_conversation_id(conversation_id))
    rewind = Rewind("retry", (call.body["message_id"],))
    return _answer(_again(call, conversation, rewind), _encoder(call, from_sdk=False) if call.body["stream"] else None)


def _chat_named(call: Call, name: str) -> Conversation | None:
    """The caller's chat; None where the page has only just begun it."""
    try:
        return conversation_named(call, name)
    except ChatError as error:
        if error.problem is Problem.NOT_FOUND:
            return None
        raise


def _stopped(call: Call, conversation: Conversation) -> Response:
    """204 where nothing was ever answered."""
    wanted = call.body["active_stream_id"] or _answer_named(call.body["assistant_message"])
    return json_response({"success": True}) if stop_answer(conversation.id, wanted) or wanted else no_content()


def _answer_named(message: Mapping[str, Any] | None) -> str | None:
    """The stored id of the answer that this UI message is; None where it has another's id than this server's."""
    found = _ANSWER.fullmatch(str(message.get("id"))) if message else None
    return found[1] if found else None


def _told(call: Call, conversation: Conversation, encoder: Encoder, cursor: StreamCursor | None) -> Response:
    answer = services().answers.latest(conversation.id)
    response = (answer and follow(answer, encoder, cursor, _client_tools(call))) or no_content()
    return _labelled(response, encoder) if response.status_code == 200 else response


def _labelled(response: Response, encoder: Encoder) -> Response:
    if isinstance(encoder, UIMessageEncoder):
        response.headers["x-vercel-ai-ui-message-stream"] = "v1"
    return response


def _answer(question: Question, encoder: Encoder | None) -> Response:
    if encoder is None:
        started, finished = wait_for_answer(question)
        return json_response({"data": serializers.answer(started, finished)})
    return _labelled(stream_answer(question, encoder), encoder)


def _encoder(call: Call, *, from_sdk: bool) -> Encoder:
    """The stream that the request asks for, by `format`, else by `Accept`, else by its body: Node's `fetch` and the AI
    SDK send the same headers."""
    wanted, accepted = call.query["format"], request.headers.get("Accept", "").lower()
    told = None if from_sdk else _client_tools(call)
    lines = LinesEncoder(_client_tools(call))
    if wanted == "ndjson" or (wanted is None and _NDJSON_TYPE in accepted):
        return lines
    strict = from_sdk or "text/event-stream" in accepted
    if wanted is None and not strict and call.caller.agent.stream_format == "ndjson":
        return lines
    return UIMessageEncoder(documented=not strict, told=told)


def _client_tools(call: Call) -> frozenset[str]:
    return frozenset(tool.name for tool in call.caller.agent.client_tools)


def _continuation(call: Call, body: ChatRequest) -> Question:
    """The last answer goes on with the results of the caller's tools, which have been stored one by one."""
    assert body.conversation_id, "the schema asks for it"
    stored = stored_conversation_id(body.conversation_id)
    found = services().histories.conversation(scope_of(call), stored)
    answer = services().tool_results.last_answer(found.id)
    if answer is None:
        raise invalid([("message", "Needed: no answer of this conversation waits to go on.")])
    conversation = conversation_of(call, blueprint.name, conversation_id=found.id)
    return _again(call, conversation, Rewind("continue", (answer,), client_tools=_client_tools(call)))


def _again(call: Call, conversation: ConversationRef, rewind: Rewind) -> Question:
    """Without a new message."""
    history = call.caller.agent.history_messages
    return new_question(call, conversation, (), history=history, rewind=rewind, runs_tools=True)


def _question(call: Call, body: ChatRequest, last: UIMessage) -> Question:
    agent = call.caller.agent
    from_user = last.message.role == "user"
    history, seen = None, [(body.place, last)]
    if agent.client_history and body.earlier:
        earlier = load_earlier(body)
        _refuse_parts(agent, [*earlier, last])
        history = [each.message for each in (*earlier, *([last] if from_user else ()))]
        seen = [*((f"messages.{index}", each) for index, each in enumerate(earlier)), *seen]
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
        rewind=_rewind(call, body, last),
        runs_tools=True,
        client_history=history,
        places=_places_of_images(seen),
    )


def _places_of_images(seen: Sequence[tuple[str, UIMessage]]) -> Mapping[Need, str]:
    """Where the first image stands, among messages with their places."""
    places = (f"{place}.parts.{index}" for place, message in seen for index in message.images)
    first = next(places, None)
    return {"images": first} if first else NO_PLACES


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


def _rewind(call: Call, body: ChatRequest, last: UIMessage) -> Rewind | None:
    """A message whose id is known already is an edited one, or one that is sent again."""
    named = tuple(each for each in (body.message_id, last.id) if each)
    if not body.from_sdk or not named:
        return None
    if body.trigger == "regenerate-message":
        return Rewind("again", named)
    if last.message.role == "assistant":
        return Rewind("resume", (last.id or "",), last.results, _client_tools(call))
    return Rewind("edit", named)
