"""Messages: their text, the question among them, usage, and how deep a value may be nested."""

from typing import Any

import pytest

from app.engine.messages import (
    MOST_DEPTH,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    Usage,
    is_too_deep,
    last_question,
    text_message,
)


def nested(depth: int, kind: type) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"x": value} if kind is dict else kind([value])
    return value


@pytest.mark.parametrize("kind", [dict, list, tuple])
def test_a_value_may_have_so_many_levels_and_no_more(kind) -> None:
    assert not is_too_deep(nested(MOST_DEPTH - 1, kind))
    assert is_too_deep(nested(MOST_DEPTH, kind))
    assert is_too_deep([1, {"a": "b"}, nested(MOST_DEPTH, kind)])


@pytest.mark.parametrize("value", [None, 1, "x" * 999, [], {}, [[]] * 999, {"a": [1, {"b": 2}]}])
def test_a_wide_value_is_not_deep(value) -> None:
    assert not is_too_deep(value)


def test_the_text_of_a_message_is_that_of_its_text_parts() -> None:
    parts = (ReasoningPart("hm"), TextPart("Hel"), ToolCallPart("c", "clock", {}), TextPart("lo"))
    assert Message("assistant", parts).text == "Hello"


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([], ""),
        ([text_message("assistant", "Hi")], ""),
        (
            [
                text_message("user", "1"),
                text_message("assistant", "2"),
                text_message("user", "3"),
                text_message("assistant", "4"),
            ],
            "3",
        ),
    ],
)
def test_the_question_is_what_the_user_said_last(messages, text) -> None:
    assert last_question(messages) == text


def test_usage_adds_up() -> None:
    assert Usage(1, 2) + Usage(3, 4) == Usage(4, 6)
