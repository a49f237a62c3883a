"""The playground at `/`: every wire tried by hand, with the bytes that its clients get. A page, its scripts, its style;
nothing from elsewhere."""

from flask import Blueprint, Response

from app.engine.errors import ChatError, Problem
from app.site.files import file_response
from app.web.reference.operations import file_operation
from app.web.responses.framing import json_response
from app.web.services import services

FILES = ("playground.css", "playground.js", "snippets.js", "wires.js")
LINKS = (("Reference", "/docs"), ("OpenAPI", "/openapi.json"))

# The page runs its own scripts, reads from its own server, and stands in nobody's frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

OPERATIONS = (file_operation("/", "The playground: every wire tried by hand", "text/html"),)

blueprint = Blueprint("playground", __name__)


@blueprint.get("/")
def page() -> Response:
    response = file_response("playground.html")
    response.headers["Content-Security-Policy"] = POLICY
    return response


@blueprint.get("/playground/<name>")
def file(name: str) -> Response:
    if name not in FILES:
        raise ChatError(Problem.NOT_FOUND)
    return file_response(name)


@blueprint.get("/playground/about.json")
def about() -> Response:
    """Who there is, who answers callers without a key and those who signed in, and what there is to read."""
    settings = services().settings
    agents = [{"id": agent.id, "name": agent.name} for agent in settings.agents.values()]
    links = [{"name": name, "path": path} for name, path in LINKS if settings.server.reference]
    reached = {
        "anonymous": settings.public_agent.id if settings.public_agent else None,
        "signedIn": settings.default_agent.id,
    }
    return json_response({"agents": agents, **reached, "links": links})
