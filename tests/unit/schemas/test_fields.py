"""Fields that take JSON values for what they are."""

import pytest
from marshmallow import ValidationError, fields

from app.schemas.fields import NOT_BLANK, Digits, Flag, Number


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
