"""/api/workflows: those that come with the server, and the caller's own; and the runs of any of them."""

from flask import Response
from marshmallow import ValidationError

from app.engine.engine import Plan
from app.engine.errors import ChatError, Problem
from app.web.callers.identity import Caller, identify
from app.web.requests.body import load_body
from app.web.requests.query import invalid, load_query
from app.web.responses.framing import json_response
from app.web.services import services
from app.wires.chats import serializers as present
from app.wires.chats.requests import PageSchema, WrittenSchema
from app.wires.chats.routes import blueprint, own_chat, stored_id
from app.workflows.catalogue import CatalogueEntry
from app.workflows.diagram import mermaid


@blueprint.get("/api/workflows")
def workflows() -> Response:
    """The shipped ones, then the caller's own, oldest first."""
    found = services().workflows.all(identify().user_id)
    return json_response({"workflows": [present.workflow(each) for each in found]})


@blueprint.post("/api/workflows")
def create_workflow() -> Response:
    """One of the caller's own, if it passes the checks."""
    user_id, written = identify().user_id, load_body(WrittenSchema)
    try:
        return json_response(present.workflow(services().workflows.add(user_id, written)), 201)
    except ValidationError as error:
        raise invalid(error) from error


@blueprint.get("/api/workflows/<workflow_id>")
def workflow(workflow_id: str) -> Response:
    """Its latest version."""
    return json_response(present.workflow(_find(identify(), workflow_id)))


@blueprint.patch("/api/workflows/<workflow_id>")
def change_workflow(workflow_id: str) -> Response:
    """A new version, which is the old one but for what is posted."""
    caller, changes = identify(), load_body(WrittenSchema)
    known = _find(caller, workflow_id)
    try:
        return json_response(present.workflow(services().workflows.change(caller.user_id, known, changes)))
    except ValidationError as error:
        raise invalid(error) from error


@blueprint.delete("/api/workflows/<workflow_id>")
def delete_workflow(workflow_id: str) -> Response:
    """All its versions; its runs stay on record."""
    caller = identify()
    services().workflows.remove(caller.user_id, _find(caller, workflow_id))
    return present.nothing()


@blueprint.get("/api/workflows/<workflow_id>/diagram")
def diagram(workflow_id: str) -> Response:
    """A Mermaid flowchart, as text."""
    drawn = mermaid(services().workflows.read(_find(identify(), workflow_id)))
    return Response(drawn, content_type="text/plain; charset=utf-8")


@blueprint.get("/api/chats/<chat_id>/workflow-runs")
def runs(chat_id: str) -> Response:
    """The latest first, without their steps."""
    caller, asked = identify(), load_query(PageSchema)
    chat = own_chat(caller, stored_id("chatId", chat_id), "read")
    found = services().runs.of_conversation(chat.id, asked["limit"], asked["offset"])
    return json_response({"runs": [present.run(each) for each in found], **asked})


@blueprint.get("/api/workflow-runs/<run_id>")
def run(run_id: str) -> Response:
    """A run with its steps, in the order in which they ended."""
    found = services().runs.find(stored_id("runId", run_id), identify().owner)
    if found is None:
        raise ChatError(Problem.NOT_FOUND, "Workflow run does not exist")
    return json_response({**present.run(found), "steps": [present.run_step(each) for each in found.steps]})


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
