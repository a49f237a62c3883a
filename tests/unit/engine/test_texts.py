"""Texts that everything can take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.texts import clean, cleaned, places_of_nul

TEXTS = st.text(st.characters())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)
)


@given(TEXTS)
def test_a_clean_text_can_be_encoded_has_no_nul_and_is_as_long(text) -> None:
    made = clean(text)
    assert "\0" not in made.encode().decode()
    assert clean(made) == made


@pytest.mark.parametrize(
    ("text", "made"), [("a\0b", "a\ufffdb"), ("\ud800", "\ufffd"), ("\ud83d\ude00", "\U0001f600"), ("é\0", "é\ufffd")]
)
def test_what_cannot_be_kept_is_replaced(text, made) -> None:
    assert clean(text) == made


@given(JSON)
def test_a_clean_value_has_no_nul_anywhere(value) -> None:
    assert [*places_of_nul(cleaned(value))] == []


def test_the_places_of_nuls_are_told() -> None:
    value = {"a": ["x", "\0", {"b": "y\0"}], "c\0": {"d": "\0"}, "e": 1, "f": None}
    assert [*places_of_nul(value)] == ["a.1", "a.2.b", "c"]
    assert [*places_of_nul("\0")] == [""]
    assert [*places_of_nul({"a": "\\u0000"})] == []
