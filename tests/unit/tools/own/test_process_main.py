"""What an operator's function returns is copied as far as it is JSON and fits into a result."""

import math
from collections import OrderedDict
from typing import Any

import pytest

from app.engine.messages import MOST_DEPTH
from app.tools.base import ToolError
from app.tools.own.process_main import JsonCopy
from app.tools.toolbox import MOST_RESULT_BYTES


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**63), 2**64 - 1, 1.5, "ü", [], {}, {"a": [1, {"b": None}]}, "x" * (MOST_RESULT_BYTES - 1)],
    ids=lambda value: repr(value)[:20],
)
def test_json_is_copied_as_it_is(value) -> None:
    assert JsonCopy().of(value) == value


def test_what_json_has_no_word_for_is_copied_as_what_is_next_to_it() -> None:
    assert JsonCopy().of(((1, 2), OrderedDict(a=(3,)))) == [[1, 2], {"a": [3]}]


@pytest.mark.parametrize(
    "value",
    [{1}, b"x", object(), 2**64, -(2**63) - 1, math.nan, math.inf, {1: "x"}, {None: 1}, "\ud800", {"\ud800": 1}],
    ids=lambda value: type(value).__name__,  # the same in each process
)
def test_what_is_no_json_is_an_error_of_the_tools(value) -> None:
    with pytest.raises((TypeError, ValueError)):
        JsonCopy().of(value)


def test_a_result_may_be_as_deep_as_a_message_and_no_deeper() -> None:
    assert JsonCopy().of(nested(MOST_DEPTH)) == nested(MOST_DEPTH)
    with pytest.raises(ToolError, match="nested too deeply"):
        JsonCopy().of(nested(MOST_DEPTH + 1))


@pytest.mark.parametrize(
    "value",
    ["x" * MOST_RESULT_BYTES, [0] * MOST_RESULT_BYTES, {"x" * MOST_RESULT_BYTES: 1}],
    ids=["text", "list", "key"],
)
def test_a_result_that_cannot_fit_is_too_large(value) -> None:
    with pytest.raises(ToolError, match="too large"):
        JsonCopy().of(value)


def test_a_value_that_contains_itself_comes_to_an_end() -> None:
    circle: list[Any] = []
    circle.extend([circle, circle])
    with pytest.raises(ToolError):
        JsonCopy().of(circle)
