"""Fields of request schemas: booleans that are JSON's own (1 is none), and numbers in a query."""

from typing import Any

from marshmallow import ValidationError, fields, validate

NOT_BLANK = validate.Regexp(r"\s*\S", error="Must not be blank.")


class Number(fields.Float):
    """A JSON number: marshmallow's own field takes "5" for one too."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Flag(fields.Boolean):
    """A JSON boolean: marshmallow's own field takes 1 and "yes" for one too."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Digits(fields.Field[int]):
    """A whole number in plain digits, as a query has it."""

    described = {"type": "integer", "minimum": 0, "maximum": 999_999_999}  # noqa: RUF012 - read only

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise ValidationError("Not a valid integer.")
        return int(value)
