"""Fields of marshmallow's schemas as tables of Markdown.

Each field's `metadata` has its "description" and, of a file of the operator's, its "unit" and, where the schema does
not tell them well, "type" and "default". Of a request, "default" is a value, as OpenAPI has it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from marshmallow import Schema, fields, missing, validate

_TOML = {fields.Boolean: "true or false", fields.Integer: "whole number", fields.Float: "number"}
_TOML |= {fields.Dict: "table", fields.Nested: "table", fields.Field: "text"}
_JSON = {fields.Boolean: "boolean", fields.Integer: "integer", fields.Float: "number"}
_JSON |= {fields.Dict: "object", fields.Nested: "object", fields.Field: "string"}

Rows = Iterator[list[str]]


def lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    table = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in table)


def keys(schema: Schema, defaults: Mapping[str, Any]) -> str:
    """Of a table in a file of the operator's. `defaults` are of keys whose defaults the schema does not have."""

    def rows() -> Rows:
        for place, field in _fields(schema):
            about = field.metadata
            default = about.get("default") or _default(field, defaults.get(place))
            yield [f"`{place}`", _type(field, _TOML), default, about.get("unit", ""), about["description"]]

    return lines(["key", "type", "default", "unit", "meaning"], [*rows()])


def heeded(schema: Schema) -> str:
    """Of what a caller posts: the fields that count."""

    def rows() -> Rows:
        for place, field in _fields(schema):
            about = field.metadata
            if type(field) is not fields.Raw:
                default = _json(about["default"]) if "default" in about else _default(field, None)
                yield [f"`{place}`", _json_type(field), default, about["description"]]

    return lines(["field", "type", "default", "meaning"], [*rows()])


def refused(schema: Schema) -> str:
    """The fields that take nothing but what changes nothing: `only`."""

    def rows() -> Rows:
        for place, field in _fields(schema):
            if "enum" in field.metadata:
                taken = ", ".join(_json(value) for value in field.metadata["enum"]) or "never"
                yield [f"`{place}`", taken, field.metadata["description"]]

    return lines(["field", "taken", ""], [*rows()])


def ignored(schema: Schema) -> str:
    """The fields that change nothing, whatever they say, with one row for all that do so for one reason."""
    places: dict[str, list[str]] = {}
    for place, field in _fields(schema):
        if "ignored" in field.metadata:
            places.setdefault(field.metadata["description"].removeprefix("Ignored: "), []).append(f"`{place}`")
    return lines(["field", "why"], [[", ".join(names), why] for why, names in places.items()])


def _fields(schema: Schema, place: str = "") -> Iterator[tuple[str, fields.Field[Any]]]:
    """Each field and where it is, those within it after it. Raises ValueError where one does not say what it means."""
    for name, field in schema.fields.items():
        if "description" not in field.metadata:
            raise ValueError(f"{type(schema).__name__}.{name} does not say what it means.")
        yield f"{place}{name}", field
        inner, below = field, f"{place}{name}."
        if isinstance(field, fields.Dict):
            inner, below = field.value_field, f"{place}{name}.NAME."
        if isinstance(field, fields.List):
            inner, below = field.inner, f"{place}{name}[]."
        if isinstance(inner, fields.Nested):
            yield from _fields(inner.schema, below)


def _type(field: fields.Field[Any], words: Mapping[type[fields.Field[Any]], str]) -> str:
    if "type" in field.metadata:
        return str(field.metadata["type"])
    if isinstance(field, fields.List):
        return f"list of {_type(field.inner, words)}"
    kind = next(name for base, name in words.items() if isinstance(field, base))
    for each in field.validators:
        if isinstance(each, validate.OneOf):
            return ", ".join(f"`{choice}`" for choice in each.choices)
        if isinstance(each, validate.Range):
            return f"{kind}{_range(each)}"
    return kind


def _json_type(field: fields.Field[Any]) -> str:
    described = getattr(field, "described", None)
    kind = _in_words(described) if described else _type(field, _JSON)
    if isinstance(field, fields.List):
        kind += "s"
    for each in field.validators:
        if isinstance(each, validate.Equal):
            return f"`{each.comparable}`"
        if isinstance(each, validate.Length):
            kind = f"{kind}{_length(each.min, each.max, isinstance(field, fields.List))}"
    return kind


def _in_words(described: Mapping[str, Any]) -> str:
    """A JSON Schema."""
    match described:
        case {"oneOf": kinds}:
            return ", or ".join(_in_words(kind) for kind in kinds)
        case {"enum": values}:
            return ", ".join(f"`{value}`" for value in values)
        case {"type": "array", "items": items}:
            inner = _in_words(items) if isinstance(items, Mapping) else "object"
            return f"list of {inner}s{_length(described.get('minItems'), described.get('maxItems'), True)}"
    return str(described["type"])


def _length(lowest: int | None, highest: int | None, is_list: bool) -> str:
    unit = "" if is_list else " characters"
    return f", {lowest:,} to {highest:,}{unit}" if lowest else f", at most {highest:,}{unit}"


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
    return "none" if default in (None, "", (), [], {}) else _json(default)


def _json(value: Any) -> str:
    return f"`{orjson.dumps(value).decode()}`"
