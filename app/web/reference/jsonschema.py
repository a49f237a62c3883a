"""Marshmallow's schemas as JSON Schema: what is checked is what is described.

What marshmallow cannot say of itself stands in `described`, a JSON Schema, of a field or of a schema's `Meta`.
"""

import re
from collections.abc import Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields, validate

from app.web.reference.operations import Shape

VERSION = "3.1.0"  # of OpenAPI: the first whose schemas are JSON Schema


class Shapes:
    """Schemas by name, each described once however often it is used."""

    def __init__(self) -> None:
        plugin = _Plugin(schema_name_resolver=_name)
        self._spec = APISpec("", "", VERSION, plugins=[plugin])
        self._converter: _Converter = plugin.converter  # type: ignore[assignment]  # made by the line above

    def of(self, shape: Shape) -> dict[str, Any]:
        """Its JSON Schema, with references to `components`."""
        found: dict[str, Any] = self._converter.written(shape)
        return found

    def query(self, schema: type[Schema]) -> list[dict[str, Any]]:
        """The parameters that it takes from a query."""
        found: list[dict[str, Any]] = self._converter.schema2parameters(schema(), location="query")
        return found

    @property
    def components(self) -> dict[str, Any]:
        """All that has been referred to, by name."""
        return dict(sorted(self._spec.components.schemas.items()))


class _Converter(OpenAPIConverter):
    def written(self, shape: Any) -> Any:
        """With a JSON Schema in place of each marshmallow schema."""
        if isinstance(shape, Schema) or (isinstance(shape, type) and issubclass(shape, Schema)):
            return self.resolve_nested_schema(shape)  # type: ignore[no-untyped-call]
        if isinstance(shape, Mapping):
            return {name: self.written(inner) for name, inner in shape.items()}
        return [self.written(inner) for inner in shape] if isinstance(shape, list | tuple) else shape

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        described = getattr(schema.Meta, "described", {})
        return {**super().schema2jsonschema(schema), **self.written(described)}  # type: ignore[no-untyped-call]

    def field2type_and_format(self, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
        described = getattr(field, "described", None)
        if described is None:
            return super().field2type_and_format(field, **kwargs)
        found: dict[str, Any] = self.written(described)
        return found

    def field2default(self, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
        """Where `None` stands for nothing, it is no value that might be sent."""
        return {} if field.load_default is None else super().field2default(field, **kwargs)

    def field2range(self, field: fields.Field[Any], ret: Any) -> dict[str, Any]:
        """Bounds that are not themselves admitted are told as such."""
        found: dict[str, Any] = super().field2range(field, ret)
        for each in field.validators:
            if isinstance(each, validate.Range) and not each.min_inclusive and "minimum" in found:
                found["exclusiveMinimum"] = found.pop("minimum")
        return found

    def field2pattern(self, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
        r"""JSON Schema searches where marshmallow matches from the start, and has no \Z."""
        found: dict[str, Any] = super().field2pattern(field, **kwargs)
        return {name: "^" + pattern.replace(r"\Z", "$") for name, pattern in found.items()}


class _Plugin(MarshmallowPlugin):
    Converter = _Converter


def _name(schema: Any) -> str:
    """Its class's, with the wire's in front: several wires have a ChatRequestSchema."""
    kind = schema if isinstance(schema, type) else type(schema)
    wire = re.match(r"app\.wires\.(\w+)", kind.__module__)
    name = kind.__name__.removesuffix("Schema")
    return f"{wire[1].title() if wire else ''}{name}{'Changes' if getattr(schema, 'partial', None) else ''}"
