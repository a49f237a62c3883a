"""Which tool a model means by a name that is not quite a tool's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.tool_names import MOST_NAME, meant_name

NAMES = ("calculator", "clock", "look_up", "commentary", "a.b")


@pytest.mark.parametrize(
    "name",
    [
        "clock",
        "functions.clock",
        "functions.clock:0",
        "functions/clock",
        "default_api:clock",
        "default_api.clock",
        "clock<|channel|>commentary",
        "clock<|channel|>json",
        "  functions.clock<|channel|>commentary json",
        "clock<|constrain|>json",
        "<|channel|>commentary to=functions.clock",
        "<|start|>assistant<|channel|>commentary to=functions.clock<|constrain|>json",
        "commentary to=functions.clock ",
        "<tool_call>clock",
        "clock</tool_call>",
        "<\uff5ctool\u2581sep\uff5c>clock",
        "clock()",
        'clock(zone="UTC")',
        ' "clock"\n',
        "`clock`",
        "Clock",
        "functions.CLOCK",
        "\uff43\uff4c\uff4f\uff43\uff4b",
    ],
)
def test_a_tool_that_is_plainly_meant_is_found(name) -> None:
    assert meant_name(name, NAMES) == "clock"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "<|channel|>commentary",
        "<|channel|>analysis",
        "clock.stop",
        "assistant<|channel|>analysis",
        "clock<|call|>calculator",
        "clocks",
        "o'clock",
        "the clock or the calculator",
        "functions_clock",
        "時計",
        "functions.",
        "clock" * 99,
    ],
)
def test_nothing_is_guessed(name) -> None:
    assert meant_name(name, NAMES) == name[:MOST_NAME]


def test_of_two_tools_that_differ_in_case_alone_none_is_guessed() -> None:
    assert meant_name("CLOCK", ("clock", "Clock")) == "CLOCK"
    assert meant_name("Clock", ("clock", "Clock")) == "Clock"


def test_a_name_that_a_tool_has_is_never_taken_apart() -> None:
    assert meant_name("a.b", (*NAMES, "b")) == "a.b"


@given(st.text())
def test_what_comes_of_any_text_is_a_tools_name_or_its_beginning(name) -> None:
    assert meant_name(name, NAMES) in (*NAMES, name[:MOST_NAME])


@pytest.mark.parametrize("name", ["<|" * 200_000, "(" * 200_000, ":0" * 200_000, "<a>" * 200_000, "(" * 255 + ")"])
def test_long_names_take_no_time(name) -> None:
    assert meant_name(name, NAMES) == name[:MOST_NAME]
