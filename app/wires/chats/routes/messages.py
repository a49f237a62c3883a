"""POST …/messages and …/messages/stream: a question to a chat, answered whole or as a stream."""

from dataclasses import replace
from typing import Any

from flask import Response, g

from app.engine.agent import Agent
from app.engine.conversation import ConversationRef
from app.engine.engine import Plan
from app.engine.errors import ChatError, Problem
from app.engine.messages import said
from app.engine.question import Question
from app.store.chats import WIRE_NAME
from app.web.callers.identity import identify
from app.web.requests.body import load_body
from app.web.responses.framing import json_response
from app.web.responses.streaming import stream, whole
from app.web.services import services
from app.wires.chats import serializers as present
from app.wires.chats.encoder import ChatsEncoder
from app.wires.chats.requests import MessageSchema
from app.wires.chats.routes import blueprint, find_chat, forbidden, is_user, stored_id
from app.wires.chats.routes.workflows import plan_of


@blueprint.post("/api/chats/<chat_id>/messages/stream")
def ask(chat_id: str) -> Response:
    """The answer as it comes."""
    question, plan = _question(chat_id)
    return stream(question, ChatsEncoder(), plan)


@blueprint.post("/api/chats/<chat_id>/messages")
def ask_whole(chat_id: str) -> Response:
    """The question and its answer, as they are kept."""
    question, plan = _question(chat_id)
    started, _ = whole(question, plan)
    stored, answer = services().chats.exchange(started.question_id, started.answer_id)
    run = {"workflowRunId": present.public_id(started.answer_id)} if plan else {}
    return json_response(
        {
            "userMessage": present.message(stored),
            "assistantMessage": present.message(answer),
            "chatId": present.public_id(started.conversation_id),
            **run,
        },
        201,
    )


def _question(chat_id: str) -> tuple[Question, Plan | None]:
    """The question, and the plan that makes its answer, if one does.

    Raises ChatError: INVALID, then NOT_FOUND, then FORBIDDEN.
    """
    caller, stored = identify(), stored_id("chatId", chat_id)
    asked: dict[str, Any] = load_body(MessageSchema)
    agent = _agent_with(caller.agent, asked["model_id"])
    chat, plan = find_chat(stored), plan_of(caller, asked["workflow_id"])
    if chat.owner != caller.owner or not is_user(caller, asked["user_id"]):
        raise forbidden("post to")
    question = Question(
        agent=agent,
        conversation=ConversationRef(chat.agent, WIRE_NAME, chat.owner, id=chat.id),
        messages=[said("user", asked["content"])],
        request_id=g.request_id,
        payer=None,
        history=agent.history_messages,
        user_id=caller.user_id,
    )
    return question, plan


def _agent_with(agent: Agent, called: str) -> Agent:
    """The agent, answering with the model of that name or alias: its first one brings those that stand in for it.
    Raises ChatError(INVALID) where there is none."""
    settings = services().settings
    name = settings.model_called(called)
    if name is None:
        known = ", ".join(each for model in settings.models.items() for each in (model[0], *model[1].aliases))
        wrong = f"There is no such model; there are: {known}."
        raise ChatError(Problem.INVALID, f"modelId: {wrong}", fields={"modelId": wrong})
    return agent if name == agent.models[0] else replace(agent, models=(name,))
