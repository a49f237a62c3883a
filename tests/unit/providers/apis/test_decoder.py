"""Checks of values that servers send: each fails with an error that counts as unreadable."""

import pytest

from app.providers.apis.decoder import MOST_TOKENS, UNREADABLE, count_of, text_of, text_of_parts


@pytest.mark.parametrize(("value", "count"), [(None, 0), (0, 0), (7, 7), (MOST_TOKENS, MOST_TOKENS)])
def test_a_number_of_tokens_is_a_number_that_the_database_can_hold(value, count) -> None:
    assert count_of(value) == count


@pytest.mark.parametrize("value", [-1, 1.0, "7", True, [], MOST_TOKENS + 1])
def test_anything_else_is_no_number_of_tokens(value) -> None:
    with pytest.raises(UNREADABLE):
        count_of(value)


def test_a_text_may_come_in_parts_and_a_refusal_is_one() -> None:
    parts = [{"type": "text", "text": "a"}, {"refusal": "b"}, {"type": "text", "text": None}, {}]
    assert text_of_parts(parts) == "ab"


@pytest.mark.parametrize(
    "read",
    [lambda: text_of(7), lambda: text_of(None), lambda: text_of_parts([{"text": 7}]), lambda: text_of_parts(["x"])],
)
def test_what_is_no_text_is_unreadable(read) -> None:
    with pytest.raises(UNREADABLE):
        read()
