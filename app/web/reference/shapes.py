"""The shapes of bodies and queries as the reference describes them: JSON Schemas that refer to each other by name."""

import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from app.schemas.json_schema import OPENAPI, Converter
from app.web.reference.operations import Shape


class Shapes:
    """Schemas by name, each described once however often it is used."""

    def __init__(self) -> None:
        plugin = _Plugin(schema_name_resolver=_name)
        self._spec = APISpec("", "", OPENAPI, plugins=[plugin])
        self._converter: Converter = plugin.converter  # type: ignore[assignment]  # made by the line above

    def of(self, shape: Shape) -> dict[str, Any]:
        """Its JSON Schema, with references to `components`."""
        schema: dict[str, Any] = self._converter.converted(shape)
        return schema

    def query(self, schema: type[Schema]) -> list[dict[str, Any]]:
        """The parameters that it takes from a query."""
        parameters: list[dict[str, Any]] = self._converter.schema2parameters(schema(), location="query")
        return parameters

    @property
    def components(self) -> dict[str, Any]:
        """All that has been referred to, by name."""
        return dict(sorted(self._spec.components.schemas.items()))


class _Plugin(MarshmallowPlugin):
    Converter = Converter


def _name(schema: Any) -> str:
    """Its class's, with the wire's in front: several wires have a ChatRequestSchema."""
    kind = schema if isinstance(schema, type) else type(schema)
    wire = re.match(r"app\.wires\.(\w+)", kind.__module__)
    name = kind.__name__.removesuffix("Schema")
    return f"{wire[1].title() if wire else ''}{name}{'Changes' if getattr(schema, 'partial', None) else ''}"
