"""What a model may call. This file knows all tools: the built-in ones, http_request, and operators' own.

Operators' modules import `tool`, `ToolContext` and `ToolError` from here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError

from app.engine.agent import ToolContext
from app.tools.base import Tool, ToolError
from app.tools.builtin import calculator, clock, knowledge, stuff
from app.tools.builtin.knowledge import Search
from app.tools.builtin.stuff import Things
from app.tools.http_request import tool as http_request
from app.tools.own import declaration as own
from app.tools.own.declaration import tool

__all__ = ["BUILT_IN", "ToolContext", "ToolError", "describe_tools", "load_options", "make_tool", "make_tools", "tool"]

BUILT_IN: Mapping[str, Callable[[Search, Things], Tool]] = {
    "calculator": lambda _search, _things: calculator.TOOL,
    "clock": lambda _search, _things: clock.TOOL,
    "knowledge": lambda search, _things: knowledge.tool(search),
    "stuff": lambda _search, things: stuff.tool(things),
}

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what models' APIs admit


def load_options(name: str, table: Any) -> dict[str, Any]:
    """What the table [tools.NAME] of parlance.toml says, checked; nothing is imported. Raises ValidationError."""
    if name in BUILT_IN:
        raise ValidationError("This is the name of a built-in tool, which takes no settings.")
    if not _NAME.fullmatch(name):
        raise ValidationError("Use 1 to 64 letters, digits, dashes, underscores.")
    schema = http_request.HttpRequestOptions() if name == http_request.NAME else own.OwnToolOptions()
    options: dict[str, Any] = schema.load(table)
    return options


def make_tool(name: str, options: Mapping[str, Any]) -> Tool:
    """The tool of these options. An operator's own is imported for it. Raises ValidationError."""
    return http_request.HttpRequest(**options).tool() if name == http_request.NAME else own.make_tool(name, **options)


def make_tools(search: Search, things: Things, configured: Mapping[str, Tool]) -> dict[str, Tool]:
    """The built-in tools and those that are configured, by their names."""
    return {name: make(search, things) for name, make in BUILT_IN.items()} | dict(configured)


def describe_tools(configured: Mapping[str, Tool]) -> dict[str, Tool]:
    """The same tools for checks, which look at arguments and limits only: `knowledge` and `stuff` find nothing."""
    return make_tools(lambda _agent, _query: (), lambda _user_id: (), configured)
