"""Checks of values that servers send: each fails with an error that counts as unreadable."""

import orjson
import pytest

from app.providers.apis.decoder import (
    MOST_TOKENS,
    UNREADABLE,
    count_of,
    error_in,
    json_in,
    mapping_of,
    text_of,
    text_of_parts,
)

COUNTS = [(None, 0), (0, 0), (7, 7), (MOST_TOKENS, MOST_TOKENS), (3.0, 3), (2.5, 2), ("7", 7), ("2.5", 2)]
NO_COUNTS = [
    -1,
    -0.5e9,
    "n/a",
    "",
    "-1",
    True,
    [],
    [7],
    {},
    MOST_TOKENS + 1,
    1e300,
    float("inf"),
    float("nan"),
    "9" * 999,
]


@pytest.mark.parametrize(("value", "count"), [*COUNTS, *((value, 0) for value in NO_COUNTS)], ids=str)
def test_a_number_of_tokens_is_a_number_that_the_database_can_hold_and_what_is_none_is_0(value, count) -> None:
    assert count_of(value) == count


def test_what_stands_in_the_place_of_counts_has_none() -> None:
    assert [mapping_of(value) for value in ({"x": 1}, "n/a", None, 7, [7])] == [{"x": 1}, {}, {}, {}, {}]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'error: {"code":500}', {"code": 500}),
        (b'error:\n{"type":"error","error":{"type":"overloaded_error"}}', {"type": "overloaded_error"}),
        (b"error: out of memory", "out of memory"),
        (b"error:", "no more than that"),
        (b"error: null", "no more than that"),
    ],
)
def test_data_that_is_called_an_error_is_one_whatever_it_says(data, error) -> None:
    assert error_in(data) == {"type": "error", "error": error}


def test_other_data_that_is_no_json_is_unreadable() -> None:
    with pytest.raises(UNREADABLE):
        error_in(b"<html>")


def test_json_that_may_be_nested_without_end_is_read_by_orjson_alone() -> None:
    assert json_in(b"[" * 200 + b"1]" + b"]" * 199) == orjson.loads(b"[" * 200 + b"1]" + b"]" * 199)
    assert json_in(b'{"count": NaN, "text": "\\ud83d"}') == {"count": None, "text": "\ud83d"}
    with pytest.raises(UNREADABLE):
        json_in(b"[" * 100_000)


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
