"""Tool calls inside a turn: the rounds with the model, what it sees of them, and their end."""

from dataclasses import replace
from typing import Any

import pytest
from support.fakes import AGENT, World, finished, play

from app.engine.agent import ToolSpec
from app.engine.errors import ChatError, ModelError, Problem
from app.engine.events import (
    ReasoningDelta,
    ReasoningIdentified,
    RoundFinished,
    RoundStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.messages import (
    Message,
    ProviderMetadata,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
    text_message,
)

CALL = ToolCalled("call_1", "echo", {"x": 1})
ASKING = [[TextDelta("Let me see. "), CALL, finished("tool-calls", 10, 4)]]
TELLING = [[TextDelta("It is 1."), finished("stop", 20, 3)]]
ASKED = (TextPart("Let me see. "), ToolCallPart("call_1", "echo", {"x": 1}))
ANSWERED = (*ASKED, ToolResultPart("call_1", "echo", {"x": 1}, is_error=False))


def test_tools_run_between_two_rounds_and_each_round_is_a_step() -> None:
    world = World(ASKING, TELLING)
    events = play(world.turn())
    assert [type(event) for event in events] == [
        *(TurnStarted, RoundStarted, TextStarted, TextDelta, TextEnded, ToolCalled, ToolReturned, RoundFinished),
        *(RoundStarted, TextStarted, TextDelta, TextEnded, RoundFinished, TurnFinished),
    ]
    assert events[5:7] == [CALL, ToolReturned("call_1", "echo", {"x": 1})]
    assert [event.part for event in events if isinstance(event, TextStarted)] == [1, 2]
    assert ("tools", AGENT.id, ["echo"], 7.0) in world.log


def test_a_tool_that_is_plainly_meant_runs_under_its_own_name_for_all_who_see_the_call() -> None:
    dressed = replace(CALL, name="functions.echo<|channel|>commentary")
    world = World([[TextDelta("Let me see. "), dressed, finished("tool-calls")]], TELLING)
    events = play(world.turn())
    assert [event.name for event in events if isinstance(event, ToolCalled | ToolReturned)] == ["echo", "echo"]
    assert ("tools", AGENT.id, ["echo"], 7.0) in world.log
    assert world.answer().message.parts[:3] == ANSWERED
    assert world.model.prompts[1].messages[-1] == Message("assistant", ANSWERED)


@pytest.mark.parametrize("name", ["", "<|channel|>commentary", "echo.loudly", "sum" * 999])
def test_a_model_that_calls_an_unknown_tool_is_told_which_there_are(name) -> None:
    unknown = ToolCalled("call_2", name, {})
    agent = replace(AGENT, client_tools=(ToolSpec("confirm", "Asks.", {}),))
    world = World([[CALL, unknown, finished("tool-calls")]], TELLING)
    events = play(world.turn(agent=agent))
    (told,) = [event for event in events if isinstance(event, ToolReturned) and event.is_error]
    assert (told.call_id, told.result) == ("call_2", "There is no such tool. There are: echo.")
    assert len(told.name) <= 256
    assert ("tools", AGENT.id, ["echo"], 7.0) in world.log, "the other call is run"
    assert isinstance(events[-1], TurnFinished)


def test_a_model_without_tools_that_calls_one_is_told_so() -> None:
    world = World(ASKING, TELLING)
    events = play(world.turn(agent=replace(AGENT, tools=())))
    assert [event.result for event in events if isinstance(event, ToolReturned)] == ["There are no tools."]
    assert isinstance(events[-1], TurnFinished)


def test_the_model_sees_its_unfinished_answer_in_the_next_round() -> None:
    world = World(ASKING, TELLING)
    play(world.turn(text_message("user", "What is x?")))
    first, second = world.model.prompts
    assert first.messages == [text_message("user", "What is x?")]
    assert second.messages == [text_message("user", "What is x?"), Message("assistant", ANSWERED)]


def test_calls_results_and_text_are_stored_in_the_order_they_happened() -> None:
    world = World(ASKING, TELLING)
    ended = play(world.turn())[-1]
    assert world.answer().message == Message("assistant", (*ANSWERED, TextPart("It is 1.")))
    assert ended.message == world.answer().message
    assert ended.message.text == "Let me see. It is 1."


def test_metadata_is_kept_and_seen_in_the_next_round_under_the_name_of_its_model() -> None:
    raw = ProviderMetadata({"signature": "x"})
    call = replace(CALL, metadata=raw)
    thinking = [ReasoningDelta("Hm"), ReasoningIdentified(raw), ReasoningIdentified(raw), call, finished("tool-calls")]
    world = World([thinking], TELLING)
    play(world.turn())
    own = replace(raw, model="fake-1")
    said = (
        ReasoningPart("Hm", own),
        ReasoningPart("", own, shown=False),
        ToolCallPart("call_1", "echo", {"x": 1}, own),
    )
    assert world.model.prompts[1].messages[-1].parts[:3] == world.answer().message.parts[:3] == said


def test_usage_is_summed_over_the_rounds_and_the_last_reason_counts() -> None:
    world = World(ASKING, TELLING)
    turn = world.turn()
    ended = play(turn)[-1]
    assert ended.usage == world.answer().usage == turn.generation.usage == Usage(30, 7)
    assert ended.finish_reason == world.answer().finish_reason == "stop"


def test_several_calls_of_one_round_run_together() -> None:
    calls = [ToolCalled("call_1", "echo", {}), ToolCalled("call_2", "echo", {})]
    world = World([[calls[0]], [calls[1]], [finished("tool-calls")]], TELLING)
    play(world.turn())
    assert [entry for entry in world.log if entry[0] == "tools"] == [("tools", "demo", ["echo", "echo"], 7.0)]


@pytest.mark.parametrize("apart", [False, True], ids=["in one batch", "one after the other"])
def test_calls_of_one_round_that_have_one_id_are_told_apart(apart) -> None:
    same = [ToolCalled("call_1", "echo", {"x": number}) for number in range(3)]
    batches = [[call] for call in same] if apart else [same]
    world = World([*batches, [finished("tool-calls")]], TELLING)
    events = play(world.turn())
    calls = {event.call_id: event.args for event in events if isinstance(event, ToolCalled)}
    results = {event.call_id: event.result for event in events if isinstance(event, ToolReturned)}
    assert [*calls.values()] == [{"x": 0}, {"x": 1}, {"x": 2}]
    assert calls == results
    told = [part for part in world.model.prompts[1].messages[-1].parts if isinstance(part, ToolResultPart)]
    assert {part.call_id for part in told} == set(calls)


def test_text_after_a_call_ends_before_the_tools_result_is_told() -> None:
    world = World([[CALL, TextDelta("one moment"), finished("tool-calls")]], TELLING)
    events = play(world.turn())
    assert events.index(TextEnded(1)) < events.index(ToolReturned("call_1", "echo", {"x": 1}))
    kinds = [type(part) for part in world.answer().message.parts]
    assert kinds == [ToolCallPart, TextPart, ToolResultPart, TextPart], "stored in the order it was told"


def test_silent_tools_are_heartbeats() -> None:
    world = World(ASKING, TELLING)
    world.toolbox.before = [(), ()]
    turn = world.turn()
    turn.begin()
    assert sum(not batch for batch in turn.run()) == 2


def asking(number: int) -> list[list[Any]]:
    """A round in which the model makes a call that it has not made before."""
    return [[ToolCalled(f"call_{number}", "echo", {"x": number}), finished("tool-calls")]]


@pytest.mark.parametrize(("limit", "rounds"), [({}, 6), ({"max_rounds": 1}, 1), ({"max_rounds": 9}, 9)], ids=str)
def test_a_model_that_calls_tools_without_end_is_stopped(limit, rounds) -> None:
    world = World(*map(asking, range(20)))
    last = play(world.turn(agent=replace(AGENT, **limit)))[-1]
    assert isinstance(last, TurnFailed)
    assert (last.error.problem, last.error.message) == (
        Problem.UPSTREAM_FAILED,
        "The model called tools without end",
    )
    assert len(world.model.prompts) == rounds
    assert world.answer().status == "failed"


def test_a_model_that_answers_in_the_last_round_it_may_have_is_heard() -> None:
    world = World(asking(1), asking(2), TELLING)
    assert isinstance(play(world.turn(agent=replace(AGENT, max_rounds=3)))[-1], TurnFinished)
    assert world.answer().status == "complete"


@pytest.mark.parametrize(
    "arguments",
    [[{"x": 1, "y": [2]}] * 3, [{"x": 1, "y": 2}, {"y": 2, "x": 1}, {"x": 1, "y": 2}]],
    ids=["the same", "in another order"],
)
def test_a_call_that_is_made_for_the_third_time_is_a_loop_and_ends_the_answer(arguments) -> None:
    rounds = [[[ToolCalled(f"call_{n}", "echo", args), finished("tool-calls")]] for n, args in enumerate(arguments)]
    world = World(*rounds, TELLING)
    last = play(world.turn())[-1]
    assert isinstance(last, TurnFailed)
    assert (last.error.problem, last.error.message) == (
        Problem.TOOL_LOOP,
        "The same tool call was made over and over",
    )
    assert sum(entry[0] == "tools" for entry in world.log) == 2, "the third call is not run"
    assert world.answer().status == "failed"


def test_calls_that_differ_in_an_argument_or_come_twice_only_are_no_loop() -> None:
    world = World(asking(1), asking(2), asking(1), asking(2), asking(3), TELLING)
    assert isinstance(play(world.turn())[-1], TurnFinished)


def test_a_loop_in_one_round_is_a_loop_too() -> None:
    calls = [ToolCalled(f"call_{n}", "echo", {"x": 1}) for n in range(3)]
    world = World([[*calls, finished("tool-calls")]], TELLING)
    assert isinstance(play(world.turn())[-1], TurnFailed)


def test_a_model_that_refuses_in_a_later_round_fails_the_turn_and_keeps_what_was_said() -> None:
    world = World(ASKING, ChatError(Problem.UPSTREAM_TIMEOUT))
    last = play(world.turn())[-1]
    assert last.error.problem is Problem.UPSTREAM_TIMEOUT
    assert world.answer().message == Message("assistant", ANSWERED)
    assert world.answer().status == "failed"


def test_cancelling_while_tools_run_closes_them_and_asks_the_model_no_more() -> None:
    reason = ChatError(Problem.OVERLOADED)
    world = World(ASKING, TELLING)
    turn = world.turn()
    world.toolbox.before = [lambda: turn.cancel(reason), ()]
    assert play(turn)[-1] == TurnFailed(reason)
    assert len(world.model.prompts) == 1
    assert (world.answer().status, world.answer().message) == ("interrupted", Message("assistant", ASKED))


def test_a_turn_cancelled_while_the_model_opens_again_closes_the_new_stream() -> None:
    reason = ChatError(Problem.OVERLOADED)

    def open_and_leave() -> list[Any]:
        turn.cancel(reason)
        return TELLING

    world = World(ASKING, open_and_leave)
    turn = world.turn()
    assert play(turn)[-1] == TurnFailed(reason)
    assert world.model.streams[-1].closed
    assert world.answer().message == Message("assistant", ANSWERED)


def test_a_turn_cancelled_between_two_rounds_does_not_ask_the_model_again() -> None:
    reason = ChatError(Problem.OVERLOADED)
    world = World(ASKING, TELLING)
    turn = world.turn()

    def leave_at_the_end_of_the_first_step(event: object) -> None:
        if isinstance(event, RoundFinished):
            turn.cancel(reason)

    assert play(turn, leave_at_the_end_of_the_first_step)[-1] == TurnFailed(reason)
    assert len(world.model.prompts) == 1
    assert world.answer().message == Message("assistant", ANSWERED)


def test_who_began_an_answer_goes_on_with_it() -> None:
    world = World(ASKING, TELLING)
    play(world.turn())
    play(world.turn())
    assert world.model.asked == [None, "fake", None]


def test_the_model_is_told_how_each_round_ended() -> None:
    broken = ModelError(Problem.UPSTREAM_FAILED)
    world = World(ASKING, [[TextDelta("so far")], broken])
    play(world.turn())
    assert [stream.outcomes for stream in world.model.streams] == [[None], [broken]]


def test_who_hears_the_end_may_ask_the_next_question_at_once() -> None:
    world = World(TELLING)
    places = {}
    play(world.turn(), lambda event: places.update({type(event): len(world.running_turns)}))
    assert (places[TextDelta], places[TurnFinished]) == (1, 0)


BROKEN = ModelError(Problem.UPSTREAM_FAILED)


@pytest.mark.parametrize(
    ("batches", "cost"),
    [
        ([BROKEN], 0),
        ([[ReasoningDelta("hm")], BROKEN], 0),
        ([[ReasoningDelta("hm")], [TextDelta("so ")], BROKEN], 1),
        ([[CALL, finished("tool-calls")]], 1),
    ],
    ids=["nothing", "thoughts", "words", "a call"],
)
def test_what_ends_with_a_failure_costs_nothing_before_there_is_a_word_or_a_call(batches, cost) -> None:
    world = World(batches, [BROKEN])
    assert isinstance(play(world.turn())[-1], TurnFailed)
    assert (world.answer().status, world.answer().credits) == ("failed", cost)


def test_a_caller_who_leaves_while_the_model_thinks_pays() -> None:
    world = World([[ReasoningDelta("hm")], lambda: turn.cancel(ChatError(Problem.LEFT))])
    turn = world.turn()
    play(turn)
    assert (world.answer().status, world.answer().credits) == ("interrupted", 1)
