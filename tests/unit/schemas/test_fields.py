"""Fields that take JSON values for what they are."""

import pytest
from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, validate

from app.schemas.fields import MOST_MISTAKES, NOT_BLANK, BoundedList, Digits, Flag, Number, with_few_unknown


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


class Empty(Schema):
    pass


class Few(Schema):
    listed = BoundedList(fields.Nested(Empty), validate.Length(max=5))


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


def test_of_thousands_of_unknown_names_one_more_than_is_told_becomes_a_mistake() -> None:
    sent = {
        **{f"{number}": 0 for number in range(5000)},
        "listed": [{"wrong": 1, **dict.fromkeys(map(str, range(5000)))}],
    }
    with pytest.raises(ValidationError) as refused:
        Few().load(with_few_unknown(Few(), sent))
    mistakes = refused.value.normalized_messages()
    assert len(mistakes.pop("listed")[0]) == MOST_MISTAKES + 1
    assert len(mistakes) == MOST_MISTAKES + 1


@pytest.mark.parametrize("unknown", [EXCLUDE, INCLUDE])
def test_unknown_names_that_are_no_mistakes_stay(unknown) -> None:
    sent = dict.fromkeys(map(str, range(100)))
    assert with_few_unknown(Few(unknown=unknown), sent) is sent
