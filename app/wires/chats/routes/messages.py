"""POST …/messages and …/messages/stream: a question to a chat, answered whole or as a stream, which GET reads on and
DELETE stops."""

from dataclasses import replace

from flask import Response

from app.engine.agent import Agent
from app.engine.conversation import ConversationRef
from app.engine.engine import Plan
from app.engine.errors import ChatError, Problem
from app.engine.messages import text_message
from app.engine.question import Question
from app.store.chats import Chat
from app.web.callers.caller import Caller
from app.web.requests.call import Call
from app.web.requests.ids import public_id
from app.web.requests.positions import asked_cursor
from app.web.requests.question import new_question
from app.web.responses.following import follow
from app.web.responses.framing import json_response, no_content
from app.web.responses.stopping import stop_answer
from app.web.responses.streaming import stream_answer, wait_for_answer
from app.web.services import services
from app.wires.chats import serializers
from app.wires.chats.encoder import ChatsEncoder
from app.wires.chats.routes import blueprint, find_chat, forbidden, is_user, own_chat, stored_id
from app.wires.chats.routes.workflows import plan_of


@blueprint.post("/api/chats/<chat_id>/messages/stream")
def ask(call: Call, chat_id: str) -> Response:
    """The answer as it comes."""
    question, plan = _question(call, chat_id)
    return stream_answer(question, ChatsEncoder(), plan)


@blueprint.post("/api/chats/<chat_id>/messages")
def ask_whole(call: Call, chat_id: str) -> Response:
    """The question and its answer, as they are kept."""
    question, plan = _question(call, chat_id)
    started, _ = wait_for_answer(question, plan)
    asked, answered = services().chats.exchange(started.question_id, started.answer_id)
    run = {"workflowRunId": public_id(started.answer_id)} if plan else {}
    return json_response(
        {
            "userMessage": serializers.message(asked),
            "assistantMessage": serializers.message(answered),
            "chatId": public_id(started.conversation_id),
            **run,
        },
        201,
    )


@blueprint.get("/api/chats/<chat_id>/messages/stream")
def read_on(call: Call, chat_id: str) -> Response:
    """The chat's running answer once more, or what is left of its last one from a cursor on; 204 where there is
    neither, and behind its last event."""
    chat = own_chat(call.caller, stored_id("chatId", chat_id), "read")
    cursor, answer = asked_cursor(call.query["cursor"]), services().answers.latest(chat.id)
    return (answer and follow(answer, ChatsEncoder(), cursor)) or no_content()


@blueprint.delete("/api/chats/<chat_id>/messages/stream")
def stop(call: Call, chat_id: str) -> Response:
    """End the chat's running answer; how the last one stands."""
    answer = stop_answer(own_chat(call.caller, stored_id("chatId", chat_id), "stop an answer of").id)
    return json_response(serializers.stopped(answer)) if answer else no_content()


def _question(call: Call, chat_id: str) -> tuple[Question, Plan | None]:
    """The question, and the plan that makes its answer, if one does.

    Raises ChatError: INVALID, NOT_FOUND, FORBIDDEN.
    """
    caller, body, stored = call.caller, call.body, stored_id("chatId", chat_id)
    agent = _agent_with(caller.agent, body["model_id"])
    chat, plan = _known_chat(caller, stored, body["user_id"]), plan_of(caller, body["workflow_id"])
    if chat is None:
        chat = services().chats.create(caller.agent.id, caller.owner, caller.user_id, None, stored)
    if chat.owner != caller.owner or not is_user(caller, body["user_id"]):
        raise forbidden("post to")
    conversation = ConversationRef(chat.agent, blueprint.name, chat.owner, id=chat.id)
    messages = [text_message("user", body["content"])]
    return new_question(call, conversation, messages, agent=agent, history=agent.history_messages), plan


def _known_chat(caller: Caller, chat_id: str, user_id: str) -> Chat | None:
    """Anybody's; None where there is none and the caller may begin it under that id. Raises ChatError(NOT_FOUND)."""
    try:
        return find_chat(chat_id)
    except ChatError as error:
        if error.problem is not Problem.NOT_FOUND or not caller.agent.create_chats or not is_user(caller, user_id):
            raise
        return None


def _agent_with(agent: Agent, called: str) -> Agent:
    """The agent, answering with the model of that name or alias: its first one brings those that stand in for it.
    Raises ChatError(INVALID) where there is none."""
    settings = services().settings
    name = settings.model_called(called)
    if name is None:
        models = settings.answering_models.items()
        known = ", ".join(each for model in models for each in (model[0], *model[1].aliases))
        wrong = f"There is no such model; there are: {known}."
        raise ChatError(Problem.INVALID, f"modelId: {wrong}", fields={"modelId": wrong})
    return agent if name == agent.models[0] else replace(agent, models=(name,))
