"""Marshmallow's messages, made flat: a place and what is wrong there."""

import pytest
from marshmallow import Schema, ValidationError, fields, validate

from app.settings.mistakes import SettingsError, flatten, mistake_lines


class Inner(Schema):
    number = fields.Integer(validate=[validate.Range(2), validate.OneOf([4])])


class Outer(Schema):
    inner = fields.List(fields.Nested(Inner))
    table = fields.Dict(fields.String(validate=validate.Length(1)), fields.Integer())


@pytest.mark.parametrize(
    ("data", "mistakes"),
    [
        ({"inner": [{}, {"number": "x"}]}, [("inner.1.number", "Not a valid integer.")]),
        (
            {"inner": [{"number": 1}]},
            [("inner.0.number", "Must be greater than or equal to 2."), ("inner.0.number", "Must be one of: 4.")],
        ),
        ({"table": {"a": "x"}}, [("table.a", "Not a valid integer.")]),
        ({"table": {"": 1}}, [("table.", "Shorter than minimum length 1.")]),
        ({"inner": [5], "more": 1}, [("inner.0", "Invalid input type."), ("more", "Unknown field.")]),
        (5, [("", "Invalid input type.")]),
    ],
)
def test_each_mistake_has_its_place_without_what_marshmallow_adds(data, mistakes) -> None:
    with pytest.raises(ValidationError) as refusal:
        Outer().load(data)
    assert list(flatten(refusal.value.messages)) == mistakes
    assert mistake_lines(refusal.value.messages) == [f"{place}: {what}" if place else what for place, what in mistakes]


def test_an_error_in_the_settings_reads_as_its_problems_do() -> None:
    error = SettingsError(["PORT: Not a valid integer.", "agents.a.model: Missing data for required field."])
    assert str(error).splitlines() == error.problems
    assert error.files is None
