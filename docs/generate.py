"""Writes what would otherwise stand twice: the rows of docs/configuration.md and of pages about wires, the shipped
knowledge about Parlance, and files that pages show.

    python -m docs.generate      or: make docs

In configuration.md and in pages of wires, what stands between `<!-- rows: NAME -->` and `<!-- end -->` is made from the
schema of that table (docs/fields.py). The tables of webhooks.md and metrics.md are made from the registries of events
and metrics, the one between `<!-- commands -->` and `<!-- end -->` in operations.md from click. In any page, what
stands between `<!-- knowledge FILE: QUESTION -->` and `<!-- end -->` becomes the answer to that question in
config/knowledge/FILE. The fence behind `<!-- file PATH -->` holds that file. `make test` fails where a file differs
from what is made.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING
from dataclasses import fields as fields_of
from importlib import import_module
from inspect import getdoc
from pathlib import Path

import click
from marshmallow import Schema

from app.cli import COMMANDS, parlance
from app.engine.agent import Agent
from app.knowledge.passages import MOST_CHARACTERS
from app.metrics.registry import METRICS
from app.providers import PROVIDERS
from app.settings.agent_table import AgentSchema
from app.settings.checks import DEFAULT_OTHER, OTHER, WIRES
from app.settings.environment import EnvironmentSchema
from app.settings.parlance_toml import ModelSchema, RetentionSchema, WorkflowsSchema
from app.settings.records import Server
from app.settings.server_table import ServerSchema
from app.store.webhook_events import EVENTS
from app.tools.http_request.tool import HttpRequestOptions
from app.tools.own.declaration import OwnToolOptions
from app.webhooks.options import WebhookOptions
from app.wires.messages.requests import MessageRequestSchema
from app.wires.openai.requests import CompletionRequestSchema
from app.wires.responses.requests import CompactRequestSchema, ResponseRequestSchema
from docs.fields import heeded, ignored, keys, lines, refused

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "configuration.md"
OPERATIONS = ROOT / "docs" / "operations.md"
WEBHOOKS = ROOT / "docs" / "webhooks.md"
METRICS_PAGE = ROOT / "docs" / "metrics.md"
KNOWLEDGE = ROOT / "config" / "knowledge"

TABLES: Mapping[str, Schema] = {
    "models": ModelSchema(),
    **{f"models of {name}": provider.options() for name, provider in PROVIDERS.items()},
    "agents": AgentSchema(),
    "tools": OwnToolOptions(),
    "tools.http_request": HttpRequestOptions(),
    "workflows": WorkflowsSchema(),
    "retention": RetentionSchema(),
    "webhooks": WebhookOptions(),
    "server": ServerSchema(),
    "environment": EnvironmentSchema(),
}
REQUESTS: Mapping[str, Mapping[str, Schema]] = {
    "openai": {"": CompletionRequestSchema()},
    "messages": {"": MessageRequestSchema()},
    "responses": {"": ResponseRequestSchema(), "compact ": CompactRequestSchema()},
}
_TOLD: Mapping[str, Callable[[Schema], str]] = {"heeded": heeded, "refused": refused, "ignored": ignored}
_AGENT = {each.name: each.default for each in fields_of(Agent) if each.default is not MISSING}
_ROWS = re.compile(r"(<!-- rows: (?P<name>.+?) -->\n).*?(?=<!-- end -->)", re.DOTALL)
_COMMANDS = re.compile(r"(<!-- commands -->\n).*?(?=<!-- end -->)", re.DOTALL)
_ANSWER = re.compile(r"<!-- knowledge (?P<file>\S+): (?P<question>.+?) -->\n(?P<text>.*?)\n<!-- end -->", re.DOTALL)
_SHOWN = re.compile(r"(?<=<!-- file )(?P<path>\S+)(?P<fence> -->\n```\w*\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def generated() -> dict[Path, str]:
    """Each file that is made, and its text. Raises ValueError for a table without rows or too long an answer."""
    pages = {PAGE: with_rows(PAGE, {name: _table(name) for name in (*TABLES, "limits", "worst cases")})}
    for wire, schemas in REQUESTS.items():
        page = ROOT / "docs" / "wires" / f"{wire}.md"
        told = {f"{of}{kind}": tell(schema) for of, schema in schemas.items() for kind, tell in _TOLD.items()}
        pages[page] = with_rows(page, told)
    pages[WEBHOOKS] = with_rows(WEBHOOKS, _events())
    pages[METRICS_PAGE] = with_rows(METRICS_PAGE, {"metrics": _metrics()})
    return {**pages, **knowledge(), **pages_with_files(), **commands()}


def with_rows(page: Path, tables: Mapping[str, str]) -> str:
    """The page with the rows of every table in their places. Raises ValueError where a table has no place, or two."""
    text = page.read_text(encoding="utf-8")
    if sorted(match["name"] for match in _ROWS.finditer(text)) != sorted(tables):
        raise ValueError(f"{page} must have these rows once each: {', '.join(tables)}.")
    return _ROWS.sub(lambda match: f"{match[1]}{tables[match['name']]}", text)


def _events() -> dict[str, str]:
    """The events of webhooks, and what the names in their data mean."""
    meanings = {name: meaning for event in EVENTS.values() for name, meaning in event.data.items()}
    events = [
        [f"`{name}`", event.arises, ", ".join(f"`{each}`" for each in event.data)] for name, event in EVENTS.items()
    ]
    return {
        "events": lines(["event", "when", "data"], events),
        "data": lines(["in data", "meaning"], [[f"`{name}`", meaning] for name, meaning in meanings.items()]),
    }


def _metrics() -> str:
    """A row for each figure."""
    head = ["name", "type", "labels", "unit", "meaning", "of several workers"]
    several = {"sum": "the sum", "min": "the least", "max": "the most"}
    rows = [
        [
            f"`{each.name}`",
            each.type,
            ", ".join(f"`{label}`" for label in each.labels),
            each.unit,
            each.meaning,
            several[each.several],
        ]
        for each in METRICS
    ]
    return lines(head, rows)


def knowledge() -> dict[Path, str]:
    """The files of the shipped knowledge, made of the answers that the pages have."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found: dict[Path, str] = {}
    for page in pages:
        for answer in _ANSWER.finditer(page.read_text(encoding="utf-8")):
            text = _without_links(answer["text"].strip(), page)
            if len(" ".join(text.split())) > MOST_CHARACTERS:
                raise ValueError(f"{page}: longer than {MOST_CHARACTERS} characters: {answer['question']}")
            path = KNOWLEDGE / answer["file"]
            start = found.get(path) or f"# {path.stem.replace('-', ' ').capitalize()}\n"
            found[path] = f"{start}\n## {answer['question']}\n\n{text}\n"
    return found


def pages_with_files() -> dict[Path, str]:
    """The pages that show files, with these as they are."""

    def shown(match: re.Match[str]) -> str:
        return f"{match['path']}{match['fence']}{(ROOT / match['path']).read_text(encoding='utf-8')}"

    texts = {page: page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").rglob("*.md"))}
    return {page: _SHOWN.sub(shown, text) for page, text in texts.items() if _SHOWN.search(text)}


def commands() -> dict[Path, str]:
    """The page with all commands and what each is for."""
    rows = [[f"`parlance {words}`", about] for words, about in _commands()]
    table = lines(["command", "what it does"], rows)
    return {OPERATIONS: _COMMANDS.sub(lambda match: f"{match[1]}{table}", OPERATIONS.read_text(encoding="utf-8"))}


def _commands() -> Iterator[tuple[str, str]]:
    """Each command, with its arguments and the first sentence of its help; those of a group after each other."""
    context = click.Context(parlance, info_name="parlance")
    for name in [*COMMANDS, "completion"]:
        _, command, _ = parlance.resolve_command(context, [name])
        within = command.commands.items() if isinstance(command, click.Group) else [("", command)]
        for inner, each in within:
            arguments = [each.make_metavar(context) for each in each.params if isinstance(each, click.Argument)]
            words = " ".join(filter(None, [name, inner, *arguments])).replace("|", "\\|")
            yield words, re.split(r"(?<=\.)\s", " ".join((each.help or "").split()), maxsplit=1)[0]


def _without_links(text: str, page: Path) -> str:
    """A link to another page becomes its name and path, any other its words alone."""

    def words(link: re.Match[str]) -> str:
        target = page.parent.joinpath(link[2].partition("#")[0]).resolve()
        return f"{link[1]} ({target.relative_to(ROOT)})" if target.suffix == ".md" and target != page else link[1]

    return _LINK.sub(words, text)


def _table(name: str) -> str:
    if name == "worst cases":
        return (getdoc(Server) or "").partition("\n\n")[2] + "\n"
    if name == "limits":
        wires = [import_module(f"app.wires.{wire}").WIRE for wire in WIRES]
        limits = [*((wire.name, wire.default_limit) for wire in wires), (OTHER, DEFAULT_OTHER)]
        return lines(["key", "default"], [[f"`{name}`", f"`{limit}`"] for name, limit in limits])
    defaults = _AGENT if name == "agents" else {}  # what an agent's table leaves out, the engine's Agent fills in
    return keys(TABLES[name], defaults)


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
