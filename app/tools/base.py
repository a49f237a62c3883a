"""What a tool is: a name, checked arguments, a time limit and a function."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import RAISE, Schema, fields, validate

from app.engine.agent import ToolContext, ToolSpec

SECONDS = 5.0  # for a call, where nothing else is said

_CONVERTER = OpenAPIConverter(
    "3.1.0", schema_name_resolver=lambda _schema: None, spec=APISpec("tools", "1", "3.1.0")
)  # OpenAPI 3.1's schemas are JSON Schema; no names means that nested ones stand in place


@dataclass(frozen=True, slots=True)
class Tool:
    """`call(context, args)` gets arguments that passed `arguments` and returns a JSON value.

    It raises ToolError with a reason that the model, and through it the caller, may read.
    """

    name: str
    description: str
    arguments: type[Schema]
    call: Callable[[ToolContext, Mapping[str, Any]], Any]
    seconds: float = SECONDS

    def misnamed(self, names: Collection[str]) -> Iterator[str]:
        """What is wrong with passing arguments of these names, whatever their values."""
        schema = self.arguments()
        known = {field.data_key or name: field.required for name, field in schema.load_fields.items()}
        if schema.unknown == RAISE:
            for name in sorted({*names} - {*known}):
                yield f"{self.name} takes no {name!r}; it takes: {', '.join(known) or 'nothing'}."
        for name, required in known.items():
            if required and name not in names:
                yield f"{self.name} needs {name!r}."

    def spec(self) -> ToolSpec:
        return ToolSpec(self.name, self.description, _CONVERTER.schema2jsonschema(self.arguments()))  # type: ignore[no-untyped-call]


class ToolError(Exception):
    """The tool could not do what was asked; the message says why."""


class TimedOptions(Schema):
    """What any table [tools.NAME] may say: how long a call may take."""

    seconds = fields.Float(
        load_default=SECONDS,
        validate=validate.Range(0, 120, min_inclusive=False),
        metadata={"description": "Longest time for one call; then it is cut, and has failed", "unit": "seconds"},
    )
