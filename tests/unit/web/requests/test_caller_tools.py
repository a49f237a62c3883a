"""Tools that callers declare: what is taken, and whose calls are told."""

from typing import Any

import pytest
from marshmallow import ValidationError

from app.engine.agent import Agent, ToolChoice, ToolSpec
from app.engine.errors import ChatError, Problem
from app.engine.events import ToolCalled
from app.engine.messages import Message, ToolCallPart, ToolResultPart, Usage
from app.store.answer_states import AnswerState
from app.web.requests.caller_tools import (
    MOST_SCHEMA_BYTES,
    NAME,
    ToolParameters,
    check_choice,
    of_answer,
    of_tools,
    refuse_shadowing,
)

AGENT = Agent(id="demo", name="Demo", models=("m",), tools=("clock",))


def tool(name: str) -> ToolSpec:
    return ToolSpec(name, "", {"type": "object"})


def nested(depth: int) -> Any:
    return {"properties": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize("name", ["a", "get_weather", "mcp__files__read-1", "functions.clock:0", "a/b", "x" * 128])
def test_names_are_those_that_clients_make(name) -> None:
    assert NAME(name) == name


@pytest.mark.parametrize("name", ["", "x" * 129, "get weather", "wetter\n", "größe", "a\x00"])
def test_other_names_are_refused(name) -> None:
    with pytest.raises(ValidationError):
        NAME(name)


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"properties": {"x": {"type": "string"}}}, {"$ref": "#/x"}])
def test_parameters_are_the_schema_of_an_object(schema) -> None:
    assert ToolParameters().deserialize(schema) == schema


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{}", "Not a JSON schema."),
        ([], "Not a JSON schema."),
        (True, "Not a JSON schema."),
        ({"type": "string"}, "Must be of the type object."),
        ({"type": ["object", "null"]}, "Must be of the type object."),
        (nested(200), "Nested too deeply."),
        ({"description": "x" * MOST_SCHEMA_BYTES}, f"Larger than {MOST_SCHEMA_BYTES} bytes."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_none_is_refused_with_what_is_wrong(schema, said) -> None:
    with pytest.raises(ValidationError) as refused:
        ToolParameters().deserialize(schema)
    assert refused.value.messages == [said]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (ToolChoice(), []),
        (ToolChoice("none"), []),
        (ToolChoice("required"), ["a"]),
        (ToolChoice("required", "b"), ["a", "b"]),
    ],
)
def test_what_is_to_be_called_must_be_there(choice, names) -> None:
    check_choice(choice, [tool(name) for name in names])


@pytest.mark.parametrize(
    ("choice", "names", "place"),
    [
        (ToolChoice("required"), [], "tool_choice"),
        (ToolChoice("required", "b"), ["a"], "tool_choice"),
        (ToolChoice(), ["a", "b", "a"], "tools.2"),
    ],
)
def test_a_choice_that_is_not_there_and_a_name_that_is_there_twice_are_refused(choice, names, place) -> None:
    with pytest.raises(ValidationError) as refused:
        check_choice(choice, [tool(name) for name in names])
    assert [*refused.value.normalized_messages()] == [place] or refused.value.field_name == place


def test_the_name_of_one_of_the_agents_own_is_refused() -> None:
    refuse_shadowing(AGENT, [tool("lookup")])
    with pytest.raises(ChatError) as refused:
        refuse_shadowing(AGENT, [tool("lookup"), tool("clock")])
    assert refused.value.problem is Problem.INVALID
    assert refused.value.message == "tools.1: The agent has a tool of the name clock of its own."
    assert [*refused.value.fields] == ["tools.1"]


def test_calls_of_the_callers_are_told_and_no_others() -> None:
    told = of_tools([tool("lookup")])
    assert told(ToolCalled("1", "lookup", {}))
    assert not told(ToolCalled("1", "clock", {}))
    assert not of_tools([])(ToolCalled("1", "lookup", {}))


def test_of_an_answer_that_is_read_on_those_are_the_callers_that_nobody_here_has_run() -> None:
    parts = (
        ToolCallPart("1", "lookup", {}),
        ToolResultPart("1", "lookup", "x", is_error=False),
        ToolCallPart("2", "lookup", {}),
    )
    state = AnswerState(
        *("a", "c", "q", None, 0, "complete"), Message("assistant", parts), "tool-calls", Usage(), 1, "m", None
    )
    told = of_answer(AGENT, state)
    assert told(ToolCalled("2", "lookup", {}))
    assert not told(ToolCalled("1", "lookup", {})), "it has a result"
    assert not told(ToolCalled("3", "clock", {})), "it is the agent's own"
