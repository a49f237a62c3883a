"""Fields of request schemas: booleans that are JSON's own (1 is none), numbers in a query, and lists with an end."""

from itertools import islice
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

NOT_BLANK = validate.Regexp(r"\s*\S", error="Must not be blank.")
MOST_MISTAKES = 20  # that are told at once: looking for more takes time, and telling them space


def with_few_unknown(schema: Schema, data: Any) -> Any:
    """The data, with no more unknown names than a refusal tells of and one, where the schema refuses such: marshmallow
    makes a mistake of each."""
    if schema.unknown != RAISE or not isinstance(data, dict) or len(data) <= MOST_MISTAKES:
        return data
    known = {field.data_key or name for name, field in schema.load_fields.items()}
    kept = known.union(islice((name for name in data if name not in known), MOST_MISTAKES + 1))
    return {name: value for name, value in data.items() if name in kept}


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


class BoundedList(fields.List[Any]):
    """A list whose length is checked before its items are: marshmallow's own looks at all of them first. The
    MOST_MISTAKES-th item that is wrong is the last that is looked at."""

    def __init__(
        self, inner: fields.Field[Any] | type[fields.Field[Any]], length: validate.Length, **options: Any
    ) -> None:
        super().__init__(inner, validate=length, **options)
        self._length = length

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        self._length(value)
        loaded, mistakes = [], {}
        for index, item in enumerate(value):
            try:
                if isinstance(self.inner, fields.Nested):
                    item = with_few_unknown(self.inner.schema, item)  # noqa: PLW2901 - the same, as far as it counts
                loaded.append(self.inner.deserialize(item, **kwargs))
            except ValidationError as error:
                mistakes[index] = error.messages
                if len(mistakes) == MOST_MISTAKES:
                    break
        if mistakes:
            raise ValidationError(mistakes)
        return loaded
