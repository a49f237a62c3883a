"""POST /v1/responses; and what becomes of responses that are stored: read, heard again, cancelled, deleted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from time import time

from flask import Blueprint, Response
from marshmallow import ValidationError

from app.engine.agent import Agent, AnswerOptions, ToolChoice
from app.engine.errors import ChatError, Problem, RepeatedError
from app.engine.messages import Message, text_message
from app.engine.needs import Need
from app.engine.question import Question
from app.engine.replay import Snapshot
from app.web.requests.call import Call
from app.web.requests.caller_tools import of_tools, refuse_shadowing
from app.web.requests.model_names import agent_called
from app.web.requests.positions import asked_cursor
from app.web.requests.posted import Conversation
from app.web.requests.query import invalid
from app.web.requests.question import conversation_of, new_question
from app.web.requests.sealed import sealer
from app.web.responses.following import follow, told_again
from app.web.responses.framing import json_response, no_content
from app.web.responses.stopping import stop_answer
from app.web.responses.streaming import begin_alone, stream_answer, wait_for_answer
from app.web.services import services
from app.wires.responses.encoder import ResponseEncoder
from app.wires.responses.items import compaction_item, output_items
from app.wires.responses.posted_items import PostedInput, read_items, read_window
from app.wires.responses.requests import CompactRequest, ResponseRequest
from app.wires.responses.resource import PREFIX, Asked, incomplete_reason
from app.wires.responses.serializers import compacted, deleted, page_of
from app.wires.responses.stored import (
    WIRE,
    as_it_stands,
    callers_of,
    conversation_up_to,
    items_of_input,
    previous_response,
    referenced_part,
    seal_of,
    stored_response,
)

blueprint = Blueprint(WIRE, __name__)

_PLACES: Mapping[Need, str] = {"schema": "text.format", "json": "text.format", "calls": "tool_choice"}
_SHORTEN = (
    "Summarize the conversation so far, so that it can be gone on with by somebody who has only your summary. Keep "
    "names, numbers, decisions, open questions and what the user wants; leave out what no longer matters. Reply with "
    "the summary alone."
)


@blueprint.post("/v1/responses")
def create(call: Call) -> Response:
    """Answer as server-sent events where the body says `"stream": true`, in one piece, or in the background."""
    body: ResponseRequest = call.body
    question, asked = _question(call, body)
    if body.stream:
        return stream_answer(question, ResponseEncoder(asked, of_tools(body.tools), seal_of(asked)))
    return _in_background(question, asked) if asked.told["background"] else _whole(question, asked)


@blueprint.post("/v1/responses/compact")
def compact(call: Call) -> Response:
    """The input in short, by the agent's model, as an item that can be posted again in its place."""
    started, finished = wait_for_answer(_shortening(call, call.body))
    item = compaction_item(started.answer_id, finished.message.text, sealer())
    return json_response(compacted(started, finished, item))


@blueprint.get("/v1/responses/<response_id>")
def read(call: Call, response_id: str) -> Response:
    """As it stands; or with `stream` its events once more, those that come behind `starting_after`."""
    answer, asked = stored_response(call, response_id)
    if not call.query["stream"]:
        return json_response(as_it_stands(answer, asked))
    ended = None if answer.status == "running" else answer.updated_at
    encoder = ResponseEncoder(
        asked, callers_of(asked), seal_of(asked), after=call.query["starting_after"], completed_at=ended
    )
    cursor = asked_cursor(call.query["cursor"])
    if cursor and not asked.said_before:
        return follow(answer, encoder, cursor) or no_content()
    return told_again(answer, encoder, asked.said_before, asked.begin)


@blueprint.delete("/v1/responses/<response_id>")
def delete(call: Call, response_id: str) -> Response:
    """Nobody can look it up any more, or go on from it; if it ran, it has ended."""
    answer, _ = stored_response(call, response_id)
    if answer.status == "running":
        stop_answer(answer.conversation_id, answer.id)
    services().kept_requests.change(answer.id, None)
    return json_response(deleted(f"{PREFIX}{answer.id}"))


@blueprint.post("/v1/responses/<response_id>/cancel")
def cancel(call: Call, response_id: str) -> Response:
    """End the response; how it stands."""
    answer, asked = stored_response(call, response_id)
    if answer.status == "running":
        asked = asked.but(cancelled=True)
        services().kept_requests.change(answer.id, asked.to_keep())
        answer = stop_answer(answer.conversation_id, answer.id) or answer
    return json_response(as_it_stands(answer, asked))


@blueprint.get("/v1/responses/<response_id>/input_items")
def list_input_items(call: Call, response_id: str) -> Response:
    """A page of what was posted with it."""
    answer, asked = stored_response(call, response_id)
    items, query = items_of_input(call, answer, asked), call.query
    return json_response(page_of(items, query["limit"], query["order"], query["after"]))


def _whole(question: Question, asked: Asked) -> Response:
    started, finished = wait_for_answer(question)
    parts, reason = finished.message.parts[asked.said_before :], incomplete_reason(finished.finish_reason)
    output = output_items(started.answer_id, parts, callers_of(asked), seal_of(asked))
    return json_response(
        asked.response(
            started.answer_id,
            started.created_at,
            "incomplete" if reason else "completed",
            output,
            usage=finished.usage,
            incomplete=reason,
            completed_at=None if reason else int(1000 * time()),
        )
    )


def _in_background(question: Question, asked: Asked) -> Response:
    """Who asks the same again is told how it stands."""
    try:
        started = begin_alone(question)
    except RepeatedError as repeated:
        answer = services().answers.numbered(repeated.answer_id)
        if answer is None:
            raise ChatError(Problem.LOST) from repeated
        return json_response(as_it_stands(answer, asked))
    return json_response(asked.response(started.answer_id, started.created_at, "queued"))


def _question(call: Call, body: ResponseRequest) -> tuple[Question, Asked]:
    asked, agent = body.asked, agent_called(call.caller.agent, body.asked.told["model"])
    instructions = asked.told["instructions"] or ""
    refuse_shadowing(agent, body.tools)
    before = _before(call, asked.told["previous_response_id"])
    posted = _posted(partial(read_items, body.items, before, partial(referenced_part, call)))
    _refuse_system(agent, instructions, posted)
    said, systems = posted.said, sum(message.role == "system" for message in before)
    last = len(before[-1].parts) if before and before[-1].role == "assistant" else 0
    so_far = said.so_far.parts if said.so_far else ()
    asked = asked.but(
        before=(systems, len(before) - systems, last),
        said_before=len(so_far),
        begin=Snapshot(so_far, resumed=len(so_far)).begin,
    )
    question = new_question(
        call,
        conversation_of(call, WIRE),
        [said.question],
        agent=replace(agent, when_left=inf) if asked.told["background"] else agent,
        options=body.options,
        tools=body.tools,
        client_history=_seen(instructions, said),
        posted=said.earlier,
        so_far=said.so_far,
        kept=asked.to_keep() if asked.told["store"] else None,
        places=_places(posted),
    )
    return question, asked


def _shortening(call: Call, body: CompactRequest) -> Question:
    """That asks for a summary of all that is posted; nothing of it can be looked up."""
    agent = agent_called(call.caller.agent, body.model)
    before = _before(call, body.previous_response_id)
    posted = _posted(partial(read_window, body.items, before, partial(referenced_part, call), _SHORTEN))
    _refuse_system(agent, body.instructions, posted)
    return new_question(
        call,
        conversation_of(call, WIRE),
        [posted.said.question],
        agent=agent,
        options=AnswerOptions(tool_choice=ToolChoice("none")),
        client_history=_seen(body.instructions, posted.said),
        posted=posted.said.earlier,
        places=_places(posted),
    )


def _before(call: Call, previous_response_id: str | None) -> Sequence[Message]:
    return conversation_up_to(previous_response(call, previous_response_id)) if previous_response_id else ()


def _posted(read: Callable[[], PostedInput]) -> PostedInput:
    try:
        return read()
    except ValidationError as error:
        raise invalid([(str(error.field_name), str(error.messages[0]))]) from error


def _seen(instructions: str, said: Conversation) -> Sequence[Message]:
    """What the model sees, but for what the answer has said so far."""
    own = [text_message("system", instructions)] if instructions else []
    return (*own, *said.earlier, said.question)


def _places(posted: PostedInput) -> Mapping[Need, str]:
    return {**_PLACES, "images": posted.images[0] if posted.images else "previous_response_id"}


def _refuse_system(agent: Agent, instructions: str, posted: PostedInput) -> None:
    if agent.allow_system:
        return
    places = [*(["instructions"] if instructions else ()), *posted.system]
    if places:
        raise invalid((place, "This agent takes no system messages.") for place in places)
