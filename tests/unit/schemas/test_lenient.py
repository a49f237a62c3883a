"""What requests of vendors' APIs have in common."""

from typing import Any

import pytest
from marshmallow import ValidationError, fields

from app.schemas.lenient import MOST_PARTS, LenientSchema, TextOrParts, ignored, only


class _Asked(LenientSchema):
    content = TextOrParts(required=True)
    limit = fields.Integer(strict=True, load_default=5)
    n = only([1], "One is all that there is.")
    user = ignored("nobody asks")


def loaded(**data: Any) -> Any:
    return _Asked().load(data)


def refusals(**data: Any) -> Any:
    with pytest.raises(ValidationError) as refused:
        loaded(**data)
    return refused.value.normalized_messages()


def test_fields_that_nobody_knows_are_ignored_and_null_is_as_good_as_nothing() -> None:
    assert loaded(content="x", new=1, limit=None, n=None) == {"content": "x", "limit": 5}


def test_null_in_place_of_what_is_required_is_missing() -> None:
    assert refusals(content=None) == {"content": ["Missing data for required field."]}


def test_a_content_is_a_text_or_parts_whose_further_fields_are_kept() -> None:
    parts = [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}, {"type": "new"}]
    assert loaded(content=parts)["content"] == parts
    assert loaded(content="")["content"] == ""


@pytest.mark.parametrize(
    "content", [[], 7, {}, ["x"], [{}], [{"type": 1}], [{"type": "x"}] * (MOST_PARTS + 1)], ids=str
)
def test_what_is_neither_is_refused(content) -> None:
    assert [*refusals(content=content)] == ["content"]


@pytest.mark.parametrize("body", [[], "x", 7, None])
def test_what_is_no_object_is_refused(body) -> None:
    with pytest.raises(ValidationError):
        _Asked().load(body)


def test_a_field_that_cannot_be_heeded_takes_what_changes_nothing_alone() -> None:
    assert loaded(content="x", n=1)["n"] == 1
    assert refusals(content="x", n=2) == {"n": ["One is all that there is."]}


@pytest.mark.parametrize("value", [None, 1, "x", [{}], {"x": 1}], ids=str)
def test_a_field_that_is_ignored_takes_any_value(value) -> None:
    assert loaded(content="x", user=value)["content"] == "x"
