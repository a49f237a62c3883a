"""What the tables of parlance.toml are made of: each field says what it means, and in which unit."""

from typing import Any

from marshmallow import fields, validate

_SECONDS = validate.Range(0, 3600, min_inclusive=False)


def switch(meaning: str, **options: Any) -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False}, metadata={"description": meaning}, **options)


def number(meaning: str, unit: str, bounds: validate.Range, **options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=bounds, metadata={"description": meaning, "unit": unit}, **options)


def seconds(meaning: str, default: float, bounds: validate.Range = _SECONDS) -> fields.Float:
    return fields.Float(load_default=default, validate=bounds, metadata={"description": meaning, "unit": "seconds"})


def text(meaning: str, **options: Any) -> fields.String:
    return fields.String(metadata={"description": meaning}, **options)
