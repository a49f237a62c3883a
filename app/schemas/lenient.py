"""What requests of vendors' APIs have in common: fields that nobody knows are ignored, since clients send new ones
every month, null says the same as leaving a field out, and contents are a text or a list of typed parts."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, pre_load, validate

from app.schemas.fields import MOST_MISTAKES

MOST_PARTS = 1000  # of a message

MODEL = {"description": "The key's agent, by its id, or one of its models, by its name or an alias"}
STREAMS = {"description": "Whether the answer is a stream; the header `Accept` says nothing about it"}
CEILING = {"description": "Tokens of the answer; the agent's own `max_tokens` is a ceiling over it"}
AS_HEEDED = {"description": "As far as the model heeds it"}
"""What is said of fields that every such API has: marshmallow's `metadata`."""
NO_CACHE = "what is cached of a conversation is the model's server's affair"
ONE_TIER = "there is one"
KNOWN_BY_KEY = "who asks is who has the key"
"""Why fields are ignored that every such API has."""


class LenientSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    @pre_load
    def without_null(self, data: Any, **_: Any) -> Any:
        return {name: each for name, each in data.items() if each is not None} if isinstance(data, dict) else data


class PartSchema(Schema):
    class Meta:
        unknown = INCLUDE

    type = fields.String(required=True)


class TextOrParts(fields.Field[Any]):
    """A text, or objects with a `type` each, which whoever reads them looks into."""

    described = {  # noqa: RUF012 - read only
        "oneOf": [
            {"type": "string"},
            {"type": "array", "items": PartSchema, "minItems": 1, "maxItems": MOST_PARTS},
        ]
    }
    _length = validate.Length(1, MOST_PARTS)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        """By hand: there are thousands of parts, and a schema takes its time for each."""
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise ValidationError("Not a text, nor a list of parts.")
        self._length(value)
        mistakes = {index: ["Not a part with a type."] for index, part in enumerate(value) if not _is_part(part)}
        if mistakes:
            raise ValidationError(dict(islice(mistakes.items(), MOST_MISTAKES)))
        return value


def _is_part(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def only(values: Sequence[Any], why: str) -> fields.Raw:
    """A field that is known, and of which nothing but these values can be heeded."""

    def check(value: Any) -> None:
        if value not in values:
            raise ValidationError(why)

    return fields.Raw(validate=check, metadata={"enum": [*values], "description": why})


def ignored(why: str) -> fields.Raw:
    """A field that is known, takes any value, and changes nothing."""
    return fields.Raw(metadata={"ignored": True, "description": f"Ignored: {why}"})
