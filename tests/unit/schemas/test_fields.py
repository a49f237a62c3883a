"""Fields that take JSON values for what they are."""

import pytest
from marshmallow import Schema, ValidationError, fields, validate

from app.schemas.fields import NOT_BLANK, BoundedList, Digits, Flag, Number


@pytest.mark.parametrize(
    ("field", "value", "loaded"),
    [(Number(), 5, 5.0), (Number(), 0.5, 0.5), (Flag(), True, True), (Flag(), False, False), (Digits(), "07", 7)],
)
def test_a_value_that_looks_like_what_it_is_is_taken(field: fields.Field, value, loaded) -> None:
    assert field.deserialize(value) == loaded


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((Number(), value) for value in ("5", None, [], {}, float("nan"), float("inf"))),
        *((Flag(), value) for value in (1, 0, "true", "yes", None, [])),
        *((Digits(), value) for value in ("-1", "1.0", "", " 1", "٣", "1" * 10)),
        *((fields.String(validate=NOT_BLANK), value) for value in ("", " ", "\n\t")),
    ],
)
def test_anything_else_is_a_mistake(field: fields.Field, value) -> None:
    with pytest.raises(ValidationError):
        field.deserialize(value)


class Item(Schema):
    number = fields.Integer(required=True)


class Counting(fields.Nested):
    looked_at = 0

    def deserialize(self, value, *args, **kwargs):
        type(self).looked_at += 1
        return super().deserialize(value, *args, **kwargs)


class Listed(Schema):
    items = BoundedList(Counting(Item), validate.Length(1, 100))


@pytest.mark.parametrize(
    ("value", "mistakes", "looked_at"),
    [
        ([{"number": 1}, {}], {1: {"number": ["Missing data for required field."]}}, 2),
        ([{}] * 101, ["Length must be between 1 and 100."], 0),
        ([], ["Length must be between 1 and 100."], 0),
        ({}, ["Not a valid list."], 0),
        ([{"number": 1}] * 50 + [{}] * 50, set(range(50, 70)), 70),
    ],
)
def test_a_bounded_list_is_looked_at_no_further_than_its_mistakes_are_told(value, mistakes, looked_at) -> None:
    Counting.looked_at = 0
    with pytest.raises(ValidationError) as refusal:
        Listed().load({"items": value})
    told = refusal.value.messages["items"]
    assert (set(told) if isinstance(mistakes, set) else told) == mistakes
    assert Counting.looked_at == looked_at


def test_a_bounded_list_loads_its_items() -> None:
    assert Listed().load({"items": [{"number": 1}] * 100}) == {"items": [{"number": 1}] * 100}
