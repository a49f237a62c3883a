"""/api/workflows: those that come with the server, and the caller's own; and the runs of any of them."""

from flask import Response
from marshmallow import ValidationError

from app.engine.engine import Plan
from app.engine.errors import ChatError, Problem
from app.settings.mistakes import flatten
from app.web.callers.caller import Caller
from app.web.requests.call import Call
from app.web.requests.cursors import make_cursor, read_cursor
from app.web.requests.query import invalid
from app.web.responses.framing import json_response, no_content
from app.web.services import services
from app.wires.chats import serializers
from app.wires.chats.routes import blueprint, own_chat, stored_id
from app.workflows.catalogue import CatalogueEntry
from app.workflows.diagram import mermaid


@blueprint.get("/api/workflows")
def workflows(call: Call) -> Response:
    """The shipped ones, then the caller's own, oldest first: the first page, or with a cursor a later one."""
    user_id, query = call.caller.user_id, call.query
    pages = ["workflows", user_id]
    after = read_cursor(query["cursor"], pages)
    page = services().workflows.page(user_id, query["limit"], (after[0], after[1]) if after else None)
    more = {"nextCursor": make_cursor(pages, page.items[-1].position)} if page.has_more else {}
    return json_response({"workflows": [serializers.workflow(each) for each in page.items], **more})


@blueprint.post("/api/workflows")
def create_workflow(call: Call) -> Response:
    """One of the caller's own, if it passes the checks."""
    try:
        return json_response(serializers.workflow(services().workflows.add(call.caller.user_id, call.body)), 201)
    except ValidationError as error:
        raise invalid(flatten(error.messages)) from error


@blueprint.get("/api/workflows/<workflow_id>")
def workflow(call: Call, workflow_id: str) -> Response:
    """Its latest version."""
    return json_response(serializers.workflow(_find(call.caller, workflow_id)))


@blueprint.patch("/api/workflows/<workflow_id>")
def change_workflow(call: Call, workflow_id: str) -> Response:
    """A new version, which is the old one but for what is posted."""
    user_id, entry = call.caller.user_id, _find(call.caller, workflow_id)
    try:
        return json_response(serializers.workflow(services().workflows.change(user_id, entry, call.body)))
    except ValidationError as error:
        raise invalid(flatten(error.messages)) from error


@blueprint.delete("/api/workflows/<workflow_id>")
def delete_workflow(call: Call, workflow_id: str) -> Response:
    """All its versions; its runs stay on record."""
    services().workflows.remove(call.caller.user_id, _find(call.caller, workflow_id))
    return no_content()


@blueprint.get("/api/workflows/<workflow_id>/diagram")
def diagram(call: Call, workflow_id: str) -> Response:
    """A Mermaid flowchart, as text."""
    drawn = mermaid(services().workflows.read(_find(call.caller, workflow_id)))
    return Response(drawn, content_type="text/plain; charset=utf-8")


@blueprint.get("/api/chats/<chat_id>/workflow-runs")
def runs(call: Call, chat_id: str) -> Response:
    """The latest first, without their steps."""
    chat = own_chat(call.caller, stored_id("chatId", chat_id), "read")
    page = services().runs.of_conversation(chat.id, call.query["limit"], call.query["offset"])
    shown = [serializers.run(each) for each in page]
    return json_response({"runs": shown, "workflowRuns": shown, **call.query})


@blueprint.get("/api/workflow-runs/<run_id>")
def run(call: Call, run_id: str) -> Response:
    """A run with its steps, in the order in which they ended: the first page of them, or with a cursor a later one."""
    stored, query = stored_id("runId", run_id), call.query
    pages = ["steps", call.caller.user_id, stored]
    (seen,) = read_cursor(query["cursor"], pages) or (0,)
    found = services().runs.find(stored, call.caller.owner, query["limit"], seen)
    if found is None:
        raise ChatError(Problem.NOT_FOUND, "Workflow run does not exist")
    more = {"nextCursor": make_cursor(pages, [seen + len(found.steps)])} if found.more_steps else {}
    steps = [serializers.run_step(each) for each in found.steps]
    return json_response({**serializers.run(found), "steps": steps, **more})


def plan_of(caller: Caller, workflow_id: str | None) -> Plan | None:
    """How the answer is made: by the workflow of that id (a UUID, with dashes), else the agent's own, if it has one.
    Raises ChatError: INVALID, NOT_FOUND."""
    if workflow_id is None:
        return services().engine.plans.get(caller.agent.id)
    return services().workflows.plan(_find(caller, workflow_id))


def _find(caller: Caller, workflow_id: str) -> CatalogueEntry:
    """Raises ChatError: INVALID, or NOT_FOUND, also for another user's: nobody is to know of it."""
    try:
        return services().workflows.find(caller.user_id, stored_id("workflowId", workflow_id))
    except ChatError as error:
        if error.problem is Problem.NOT_FOUND:
            raise ChatError(Problem.NOT_FOUND, "Workflow does not exist") from error
        raise
