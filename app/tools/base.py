"""What every tool is made of: a name, a schema of its arguments, a time limit and a function."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from app.engine.agent import ToolContext, ToolSpec
from app.schemas.json_schema import json_schema

DEFAULT_SECONDS = 5.0  # for a call, where the configuration sets no other limit


@dataclass(frozen=True, slots=True)
class Tool:
    """What a model may call.

    `arguments` checks and completes what the model passes. `call(context, args)` takes what this schema loads, and
    returns a JSON value within `seconds`, after which it is cut. It raises ToolError with a reason that the model, and
    through it the caller, may read; any other exception is logged and shown to nobody.
    """

    name: str
    description: str
    arguments: type[Schema]
    call: Callable[[ToolContext, Mapping[str, Any]], Any]
    seconds: float = DEFAULT_SECONDS

    def check_names(self, names: Collection[str]) -> Iterator[str]:
        """Each mistake in passing arguments of these names, whatever their values: unknown ones, missing ones."""
        schema = self.arguments()
        parameters = {field.data_key or name: field.required for name, field in schema.load_fields.items()}
        if schema.unknown == RAISE:
            for name in sorted({*names} - {*parameters}):
                yield f"{self.name} takes no {name!r}; it takes: {', '.join(parameters) or 'nothing'}."
        for name, required in parameters.items():
            if required and name not in names:
                yield f"{self.name} needs {name!r}."

    def spec(self) -> ToolSpec:
        """What a model reads about it. Raises whatever apispec does for arguments that it cannot describe."""
        return ToolSpec(self.name, self.description, json_schema(self.arguments))


class ToolError(Exception):
    """The tool cannot do what it was called for. The model, and perhaps the caller, reads the message."""


class TimedOptions(Schema):
    """What any table [tools.NAME] may say: how long a call may take."""

    seconds = fields.Float(
        load_default=DEFAULT_SECONDS,
        validate=validate.Range(0, 120, min_inclusive=False),
        metadata={"description": "Longest time for one call; then it is cut, and has failed", "unit": "seconds"},
    )
