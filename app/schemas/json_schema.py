"""Marshmallow's schemas as JSON Schema: what is checked is what is described.

What marshmallow cannot say of itself stands in `described`, a JSON Schema, of a field or of a schema's `Meta`.
"""

from collections.abc import Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields, validate

OPENAPI = "3.1.0"  # the first version of OpenAPI whose schemas are JSON Schema


class Converter(OpenAPIConverter):
    """apispec's, made as exact as marshmallow's checks."""

    def converted(self, described: Any) -> Any:
        """`described` with a JSON Schema in place of each marshmallow schema in it."""
        if isinstance(described, Schema) or (isinstance(described, type) and issubclass(described, Schema)):
            return self.resolve_nested_schema(described)  # type: ignore[no-untyped-call]
        if isinstance(described, Mapping):
            return {name: self.converted(inner) for name, inner in described.items()}
        return [self.converted(inner) for inner in described] if isinstance(described, list | tuple) else described

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        described = getattr(schema.Meta, "described", {})
        return {**super().schema2jsonschema(schema), **self.converted(described)}  # type: ignore[no-untyped-call]

    def field2type_and_format(self, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
        described = getattr(field, "described", None)
        if described is None:
            return super().field2type_and_format(field, **kwargs)
        converted: dict[str, Any] = self.converted(described)
        return converted

    def field2default(self, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
        """A default of None stands for "not given", and is no value that might be sent."""
        return {} if field.load_default is None else super().field2default(field, **kwargs)

    def field2range(self, field: fields.Field[Any], ret: Any) -> dict[str, Any]:
        """An exclusive bound is described as one; apispec takes it for inclusive."""
        bounds: dict[str, Any] = super().field2range(field, ret)
        for each in field.validators:
            if isinstance(each, validate.Range) and not each.min_inclusive and "minimum" in bounds:
                bounds["exclusiveMinimum"] = bounds.pop("minimum")
        return bounds

    def field2pattern(self, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
        r"""JSON Schema searches where marshmallow matches from the start, and has no \Z."""
        keywords: dict[str, Any] = super().field2pattern(field, **kwargs)
        return {name: "^" + pattern.replace(r"\Z", "$") for name, pattern in keywords.items()}


_INLINE = Converter(OPENAPI, schema_name_resolver=lambda _schema: None, spec=APISpec("", "", OPENAPI))


def json_schema(schema: type[Schema]) -> dict[str, Any]:
    """The schema as JSON Schema, nested ones in place. Raises whatever apispec does for a field that is none."""
    return _INLINE.schema2jsonschema(schema())
