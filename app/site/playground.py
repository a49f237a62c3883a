"""The playground at `/`: a welcome with the chat widget on a sample page, and every wire tried by hand, with the bytes
that its clients get. Pages, their scripts, their styles; nothing from elsewhere."""

from functools import lru_cache
from time import monotonic

from flask import Blueprint, Response

from app.engine.errors import ChatError, Problem
from app.knowledge.search import KnowledgeSearch
from app.site.files import STATIC, file_response, function_of
from app.site.widget import MARKDOWN
from app.web.reference.operations import file_operation
from app.web.responses.framing import json_response
from app.web.services import services

FILES = frozenset(path.name for path in (STATIC / "playground").iterdir() if path.suffix in {".css", ".js"})
LINKS = (("Reference", "/docs"), ("OpenAPI", "/openapi.json"))
# Offered where the agent that needs no key is sure of an answer.
QUESTIONS = (
    *("What is Parlance?", "How do I add knowledge?", "How do I embed the widget in my site?", "What does it cost?"),
    *("What are the opening hours?", "How do I contact support?"),
)
CALCULATION = "What is 12 * 7?"
MOST_QUESTIONS = 3  # beside the calculation
SECONDS = 20

# The pages run their own scripts and read from their own server. The playground stands in nobody's frame, and what it
# frames itself is the sample page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; "
)
POLICY = _POLICY + "frame-src 'self'; frame-ancestors 'none'"
SAMPLE_POLICY = _POLICY + "frame-ancestors 'self'"

OPERATIONS = (file_operation("/", "The playground: the chat on a page, and every wire tried by hand", "text/html"),)

_MARKDOWN = function_of((*(f"widget/{name}.js" for name in MARKDOWN), "playground/markdown/around.js"))

blueprint = Blueprint("playground", __name__)


@blueprint.get("/")
def page() -> Response:
    return _page("playground.html", POLICY)


@blueprint.get("/playground/sample")
def sample() -> Response:
    """A page such as any, with the widget, where its tab has been given a key."""
    return _page("sample.html", SAMPLE_POLICY)


def _page(name: str, policy: str) -> Response:
    response = file_response(f"playground/{name}")
    response.headers["Content-Security-Policy"] = policy
    return response


@blueprint.get("/playground/<name>")
def file(name: str) -> Response:
    if name not in FILES:
        raise ChatError(Problem.NOT_FOUND)
    return file_response(f"playground/{name}")


@blueprint.get("/playground/markdown.js")
def markdown() -> Response:
    """Answers are shown by what shows them in the widget."""
    return _MARKDOWN.response()


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


@blueprint.get("/playground/questions.json")
def questions() -> Response:
    """What the agent that needs no key can be asked, as it was at most SECONDS ago: a look at the page costs no search.
    While its knowledge is indexed for the first time, this waits as long as so many questions would."""
    agent = services().settings.public_agent
    found = _answered_by(services().knowledge, agent.id, monotonic() // SECONDS) if agent and not agent.workflow else []
    return json_response({"questions": found})


@lru_cache(maxsize=1)
def _answered_by(knowledge: KnowledgeSearch, agent_id: str, _moment: float) -> list[str]:
    agent = services().settings.agents[agent_id]
    known = [each for each in QUESTIONS if any(found.confident for found in knowledge.search(agent, each))]
    return [*known[:MOST_QUESTIONS], *([CALCULATION] if "calculator" in agent.tools else [])]
