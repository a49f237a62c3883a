"""Writes what would otherwise stand twice: the rows of docs/configuration.md, the shipped knowledge about Parlance, and
files that pages show.

    python -m docs.generate      or: make docs

In configuration.md, what stands between `<!-- rows: NAME -->` and `<!-- end -->` is made from the schema of that table:
each field's `metadata` has its "description" and "unit" and, where the schema does not tell them well, "type" and
"default". Those of metrics.md are made from app/metrics/registry.py. In any page, what stands between
`<!-- knowledge FILE: QUESTION -->` and `<!-- end -->` becomes the answer to that question in config/knowledge/FILE. The
fence behind `<!-- file PATH -->` holds that file.
`make test` fails where a file differs from what is made.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING
from dataclasses import fields as fields_of
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from typing import Any

import orjson
from marshmallow import Schema, fields, missing, validate

from app.engine.agent import Agent
from app.knowledge.passages import MOST_CHARACTERS
from app.metrics.registry import METRICS
from app.providers import PROVIDERS
from app.settings.checks import DEFAULT_OTHER, OTHER, WIRES
from app.settings.environment import EnvironmentSchema
from app.settings.parlance_toml import AgentSchema, ModelSchema, WorkflowsSchema
from app.settings.records import Server
from app.settings.server_table import ServerSchema
from app.tools.http_request.tool import HttpRequestOptions
from app.tools.own.declaration import OwnToolOptions

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "configuration.md"
METRICS_PAGE = ROOT / "docs" / "metrics.md"
KNOWLEDGE = ROOT / "config" / "knowledge"

TABLES: Mapping[str, Schema] = {
    "models": ModelSchema(),
    **{f"models of {name}": provider.options() for name, provider in PROVIDERS.items()},
    "agents": AgentSchema(),
    "tools": OwnToolOptions(),
    "tools.http_request": HttpRequestOptions(),
    "workflows": WorkflowsSchema(),
    "server": ServerSchema(),
    "environment": EnvironmentSchema(),
}
_AGENT = {each.name: each.default for each in fields_of(Agent) if each.default is not MISSING}
_ROWS = re.compile(r"(<!-- rows: (?P<name>.+?) -->\n).*?(?=<!-- end -->)", re.DOTALL)
_ANSWER = re.compile(r"<!-- knowledge (?P<file>\S+): (?P<question>.+?) -->\n(?P<text>.*?)\n<!-- end -->", re.DOTALL)
_SHOWN = re.compile(r"(?<=<!-- file )(?P<path>\S+)(?P<fence> -->\n```\w*\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def generated() -> dict[Path, str]:
    """Each file that is made, and its text. Raises ValueError for a table without rows or too long an answer."""
    return {
        PAGE: configuration(PAGE.read_text(encoding="utf-8")),
        METRICS_PAGE: metrics(METRICS_PAGE.read_text(encoding="utf-8")),
        **knowledge(),
        **pages_with_files(),
    }


def configuration(page: str) -> str:
    """The page with the rows of every table in their places. Raises ValueError where a table has no place, or two."""
    names = [match["name"] for match in _ROWS.finditer(page)]
    if sorted(names) != sorted([*TABLES, "limits", "worst cases"]):
        raise ValueError(
            f"docs/configuration.md must have these rows once each: {', '.join(TABLES)}, limits, worst cases."
        )
    return _ROWS.sub(lambda match: f"{match[1]}{_table(match['name'])}", page)


def metrics(page: str) -> str:
    """The page with a row for each figure."""
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
    return _ROWS.sub(lambda match: f"{match[1]}{_lines(head, rows)}", page)


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
        return _lines(["key", "default"], [[f"`{name}`", f"`{limit}`"] for name, limit in limits])
    defaults = _AGENT if name == "agents" else {}  # what an agent's table leaves out, the engine's Agent fills in
    return _lines(["key", "type", "default", "unit", "meaning"], [*_rows(TABLES[name], defaults)])


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _rows(schema: Schema, defaults: Mapping[str, Any], place: str = "") -> Iterator[list[str]]:
    """A row for each key, those of tables within it after their table."""
    for name, field in schema.fields.items():
        about = field.metadata
        if "description" not in about:
            raise ValueError(f"{type(schema).__name__}.{name} does not say what it means.")
        default = about.get("default") or _default(field, defaults.get(name))
        yield [f"`{place}{name}`", _type(field), default, about.get("unit", ""), about["description"]]
        inner, below = field, f"{place}{name}."
        if isinstance(field, fields.Dict):
            inner, below = field.value_field, f"{place}{name}.NAME."
        if isinstance(field, fields.List):
            inner, below = field.inner, f"{place}{name}[]."
        if isinstance(inner, fields.Nested):
            yield from _rows(inner.schema, {}, below)


def _type(field: fields.Field[Any]) -> str:
    if "type" in field.metadata:
        return str(field.metadata["type"])
    if isinstance(field, fields.List):
        return f"list of {_type(field.inner)}"
    names = {fields.Boolean: "true or false", fields.Integer: "whole number", fields.Float: "number"}
    kinds = {**names, fields.Dict: "table", fields.Nested: "table"}
    kind = next((name for base, name in kinds.items() if isinstance(field, base)), "text")
    for each in field.validators:
        if isinstance(each, validate.OneOf):
            return ", ".join(f"`{choice}`" for choice in each.choices)
        if isinstance(each, validate.Range):
            return f"{kind}{_range(each)}"
    return kind


def _range(bounds: validate.Range) -> str:
    lowest, highest = (f"{bound:,}" if bound is not None else "" for bound in (bounds.min, bounds.max))
    if not bounds.min_inclusive:
        return f" above {lowest}, at most {highest}"
    return f", {lowest} to {highest}" if highest and abs(bounds.max) < 2**32 else f", at least {lowest}"


def _default(field: fields.Field[Any], elsewhere: Any) -> str:
    if field.required:
        return "**needed**"
    default = elsewhere if field.load_default is missing else field.load_default
    default = default() if callable(default) else default
    if isinstance(field, fields.Nested):
        return "below"
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    return "none" if default in (None, "", (), [], {}) else f"`{orjson.dumps(default).decode()}`"


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
