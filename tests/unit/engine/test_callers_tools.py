"""Tools that a caller declares with its question and runs itself."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.fakes import AGENT, World, finished, play

from app.engine.agent import AnswerOptions, ToolChoice, ToolSpec
from app.engine.events import TextDelta, ToolCalled, ToolReturned, TurnFinished
from app.engine.messages import Message, ToolCallPart, ToolResultPart

LOOKUP = ToolSpec("lookup", "Looks it up.", {"type": "object"})
CALL = ToolCalled("call_1", "lookup", {"x": 1})
OWN = ToolCalled("call_2", "echo", {"x": 2})
CONFIRMS = replace(AGENT, client_tools=(ToolSpec("confirm", "Asks.", {}),))


def names(tools: Sequence[ToolSpec]) -> list[str]:
    return [tool.name for tool in tools]


@pytest.mark.parametrize(
    ("choice", "offered"),
    [
        (ToolChoice(), ["echo", "confirm", "lookup"]),
        (ToolChoice("none"), ["echo"]),
        (ToolChoice("required"), ["confirm", "lookup"]),
        (ToolChoice("required", "lookup"), ["confirm", "lookup"]),
    ],
    ids=str,
)
def test_which_tools_the_model_may_call_is_the_callers_choice(choice, offered) -> None:
    world = World([[TextDelta("x"), finished()]])
    play(world.turn(agent=CONFIRMS, options=AnswerOptions(tool_choice=choice), tools=[LOOKUP], runs_tools=True))
    assert names(world.model.prompts[0].tools) == offered
    assert world.model.prompts[0].options.tool_choice == choice


def test_a_call_of_one_ends_the_turn_for_the_caller_to_run_it() -> None:
    world = World([[TextDelta("Let me see. "), CALL, finished("stop")]])
    events = play(world.turn(tools=[LOOKUP]))
    assert CALL in events
    assert isinstance(events[-1], TurnFinished)
    assert events[-1].finish_reason == "tool-calls"
    assert not [event for event in events if isinstance(event, ToolReturned)]
    assert world.answer().message.parts[-1] == ToolCallPart("call_1", "lookup", {"x": 1})
    assert len(world.model.prompts) == 1


def test_the_agents_own_run_beside_it_before_the_turn_ends() -> None:
    world = World([[OWN, CALL, finished("tool-calls")]])
    events = play(world.turn(tools=[LOOKUP]))
    assert [event.call_id for event in events if isinstance(event, ToolReturned)] == ["call_2"]
    assert events[-1].finish_reason == "tool-calls"


def test_the_agents_own_run_and_the_turn_goes_on_where_only_they_are_called() -> None:
    world = World([[OWN, finished("tool-calls")]], [[TextDelta("2"), finished()]])
    events = play(world.turn(tools=[LOOKUP]))
    assert events[-1].finish_reason == "stop"
    assert [names(prompt.tools) for prompt in world.model.prompts] == [["echo", "lookup"]] * 2


def test_a_callers_tool_goes_before_the_agents_own_of_its_name() -> None:
    mine = ToolSpec("echo", "The caller's.", {"type": "object"})
    world = World([[OWN, finished("tool-calls")]])
    events = play(world.turn(tools=[mine]))
    assert world.model.prompts[0].tools == [mine]
    assert events[-1].finish_reason == "tool-calls"
    assert not [entry for entry in world.log if entry[0] == "tools"]


def test_an_answer_goes_on_with_the_results_that_the_caller_brings() -> None:
    called = (ToolCallPart("a", "lookup", {}), ToolResultPart("a", "lookup", "blue", is_error=False))
    world = World([[TextDelta("Blue."), finished()]])
    play(world.turn(tools=[LOOKUP], so_far=Message("assistant", called)))
    prompt = world.model.prompts[0]
    assert prompt.messages[-1].parts == called
    assert names(prompt.tools) == ["echo", "lookup"]
    assert world.answer().goes_on
