"""What a tool is: a name, checked arguments, a time limit and a function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema

from app.engine.ports import Agent, ToolSpec

_CONVERTER = OpenAPIConverter(
    "3.1.0", schema_name_resolver=lambda _schema: None, spec=APISpec("tools", "1", "3.1.0")
)  # OpenAPI 3.1's schemas are JSON Schema; no names means that nested ones stand in place


@dataclass(frozen=True, slots=True)
class Tool:
    """`call(agent, args)` gets arguments that passed `arguments` and returns a JSON value.

    It raises ToolError with a reason that the model, and through it the caller, may read.
    """

    name: str
    description: str
    arguments: type[Schema]
    call: Callable[[Agent, Mapping[str, Any]], Any]
    seconds: float = 5.0

    def spec(self) -> ToolSpec:
        return ToolSpec(self.name, self.description, _CONVERTER.schema2jsonschema(self.arguments()))  # type: ignore[no-untyped-call]


class ToolError(Exception):
    """The tool could not do what was asked; the message says why."""
