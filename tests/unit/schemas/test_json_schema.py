"""Marshmallow's schemas as JSON Schema: what is checked is what is described."""

from typing import Any, ClassVar

import pytest
from marshmallow import Schema, fields, validate

from app.schemas.json_schema import json_schema


class Odd(fields.Field[Any]):
    described: ClassVar = {"oneOf": [{"type": "string"}, {"type": "integer"}]}


class Line(Schema):
    amount = fields.Float(required=True)


@pytest.mark.parametrize(
    ("field", "described"),
    [
        (fields.String(metadata={"description": "a name"}), {"type": "string", "description": "a name"}),
        (
            fields.Float(validate=validate.Range(0, 9, min_inclusive=False)),
            {"type": "number", "exclusiveMinimum": 0, "maximum": 9},
        ),
        (fields.Integer(validate=validate.Range(1)), {"type": "integer", "minimum": 1}),
        (fields.String(validate=validate.Regexp(r"[a-z]+\Z")), {"type": "string", "pattern": "^[a-z]+$"}),
        (fields.String(load_default="UTC"), {"type": "string", "default": "UTC"}),
        (fields.Integer(load_default=None, allow_none=False), {"type": "integer"}),
        (Odd(), {"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        (
            fields.Nested(Line),
            {
                "type": "object",
                "required": ["amount"],
                "properties": {"amount": {"type": "number"}},
                "additionalProperties": False,
            },
        ),
    ],
    ids=str,
)
def test_a_field_is_described_as_it_is_checked(field, described) -> None:
    assert json_schema(Schema.from_dict({"field": field})) == {
        "type": "object",
        "properties": {"field": described},
        "additionalProperties": False,
    }


def test_what_a_schema_cannot_say_of_itself_is_added() -> None:
    class Either(Schema):
        class Meta:
            described: ClassVar = {"oneOf": [{"required": ["a"]}, {"required": ["line"]}]}

        a = fields.String()
        line = fields.Nested(Line)

    assert json_schema(Either)["oneOf"] == [{"required": ["a"]}, {"required": ["line"]}]
