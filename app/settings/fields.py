"""What the tables of parlance.toml are made of: each field says what it means, and in which unit."""

from decimal import Decimal
from typing import Any

from marshmallow import fields, validate

_SECONDS = validate.Range(0, 3600, min_inclusive=False)


def switch(meaning: str, **options: Any) -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False}, metadata={"description": meaning}, **options)


def number(meaning: str, unit: str, bounds: validate.Range, **options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=bounds, metadata={"description": meaning, "unit": unit}, **options)


def seconds(meaning: str, default: float, bounds: validate.Range = _SECONDS) -> fields.Float:
    return fields.Float(load_default=default, validate=bounds, metadata={"description": meaning, "unit": "seconds"})


class Amount(fields.Float):
    """A number, which loads into the decimal as it was written."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str | bool):
            raise self.make_error("invalid", input=value)
        return Decimal(str(super()._deserialize(value, attr, data, **kwargs)))


def price(meaning: str) -> Amount:
    return Amount(required=True, validate=validate.Range(0, 1_000_000), metadata={"description": meaning})


def text(meaning: str, **options: Any) -> fields.String:
    return fields.String(metadata={"description": meaning}, **options)
