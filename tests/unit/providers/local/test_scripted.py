"""The scripted model: each kind of step, scripts that cannot be played, and going on after tool calls."""

import time

import pytest

from app.engine.agent import Agent, AnswerOptions
from app.engine.chunks import ModelFinished
from app.engine.errors import ChatError, Problem
from app.engine.events import ReasoningDelta, TextDelta, ToolCalled
from app.engine.messages import Message, ToolCallPart, ToolResultPart, Usage, text_message
from app.engine.prompt import Prompt
from app.providers.local.scripted import ScriptedModel, ScriptedOptions
from app.testing.server import script

AGENT = Agent(id="demo", name="Demo", models=("scripted",))


def opened(*messages: Message, default=None, heartbeat: float = 5.0, max_tokens: int | None = None):
    options = ScriptedOptions().load({"script": default} if default else {})
    return ScriptedModel(options).open(Prompt(AGENT, messages, AnswerOptions(max_tokens=max_tokens)), heartbeat)


def played(*steps, made: int = 0, **options):
    """The batches that a script of these steps brings, after so many tool calls have been made."""
    calls = [ToolCallPart(f"call_{n}", "clock", {}) for n in range(1, made + 1)]
    results = [ToolResultPart(call.call_id, "clock", {}, is_error=False) for call in calls]
    so_far = [Message("assistant", (*calls, *results))] if made else []
    return list(opened(text_message("user", script(*steps)), *so_far, **options))


def ends(reason: str = "stop", tokens: int = 0, messages: int = 1):
    return ModelFinished(reason, Usage(messages, tokens))


@pytest.mark.parametrize(
    ("steps", "batches"),
    [
        ([], [[ends()]]),
        ([{"text": "a"}], [[TextDelta("a")], [ends(tokens=1)]]),
        ([{"text": "a", "times": 2}], [[TextDelta("a")], [TextDelta("a")], [ends(tokens=2)]]),
        ([{"burst": ["a", "b"]}], [[TextDelta("a"), TextDelta("b")], [ends(tokens=2)]]),
        ([{"reasoning": "hm"}, {"text": "a"}], [[ReasoningDelta("hm")], [TextDelta("a")], [ends(tokens=2)]]),
        ([{"text": "a"}, {"finish": "content-filter"}], [[TextDelta("a")], [ends("content-filter", 1)]]),
        ([{"pause": 0.01}], [[ends()]]),
        (
            [{"text": "a"}, {"call": "calculator", "args": {"expression": "1"}}, {"call": "clock"}, {"text": "never"}],
            [
                [TextDelta("a")],
                [
                    ToolCalled("call_1", "calculator", {"expression": "1"}),
                    ToolCalled("call_2", "clock", {}),
                    ends("tool-calls", 1),
                ],
            ],
        ),
    ],
    ids=["nothing", "text", "times", "burst", "reasoning", "finish", "pause", "call"],
)
def test_each_step_is_played(steps, batches) -> None:
    assert played(*steps) == batches


@pytest.mark.timed
def test_pauses_take_their_time_and_tell_of_the_silence() -> None:
    begun = time.monotonic()
    batches = played({"pause": 0.35}, {"text": "a", "times": 2, "every": 0.15}, heartbeat=0.1)
    assert [batch for batch in batches if batch] == [[TextDelta("a")], [TextDelta("a")], [ends(tokens=2)]]
    assert sum(not batch for batch in batches) == 5
    assert 0.6 <= time.monotonic() - begun < 2


@pytest.mark.parametrize("problem", list(Problem))
def test_a_script_can_fail_with_any_problem_in_mid_answer(problem) -> None:
    stream = iter(opened(text_message("user", script({"text": "a"}, {"fail": problem.name.lower()}))))
    assert next(stream) == [TextDelta("a")]
    with pytest.raises(ChatError) as failure:
        next(stream)
    assert failure.value.problem is problem


def test_a_script_can_crash() -> None:
    with pytest.raises(RuntimeError):
        played({"text": "a"}, {"fail": "crash"})


@pytest.mark.parametrize("problem", [Problem.OVERLOADED, Problem.UPSTREAM_FAILED])
def test_a_script_can_refuse_to_open(problem) -> None:
    with pytest.raises(ChatError) as refusal:
        opened(text_message("user", script({"refuse": problem.name.lower()}, {"text": "never"})))
    assert refusal.value.problem is problem


@pytest.mark.parametrize(
    "text",
    [
        *("[", '[{"text": "a"', "[1]", '["text"]', "[[]]", "[null]", "[{}]", '[{"unknown": 1}]'),
        *('[{"text": "a", "pause": 1}]', '[{"text": 1}]', '[{"text": "a", "times": 0}]', '[{"burst": []}]'),
        *('[{"text": "a", "every": -1}]', '[{"pause": -1}]', '[{"pause": 1e9}]', '[{"pause": "NaN"}]'),
        *('[{"fail": "nothing"}]', '[{"refuse": "crash"}]', '[{"finish": "later"}]', '[{"call": "x", "args": []}]'),
        *("  [", "[" * 5000, '[{"text": "a", "times": 99999999}]', '[{"args": {}}]', '[{"text": null}]'),
    ],
)
def test_a_script_that_cannot_be_played_is_the_callers_mistake(text) -> None:
    with pytest.raises(ChatError) as refusal:
        opened(text_message("user", text))
    assert refusal.value.problem is Problem.INVALID


@pytest.mark.parametrize("text", ["Hi", "", '{"text": "a"}', "What is [this]?"])
def test_a_message_that_is_no_script_gets_the_configured_one(text) -> None:
    assert list(opened(text_message("user", text))) == [[TextDelta("Hello")], [ends(tokens=1)]]
    assert list(opened(text_message("user", text), default=[{"text": "Moin"}])) == [
        [TextDelta("Moin")],
        [ends(tokens=1)],
    ]


def test_the_last_message_of_the_user_is_the_script() -> None:
    messages = [
        text_message("system", "[]"),
        text_message("user", script({"text": "old"})),
        text_message("assistant", "old"),
    ]
    batches = list(opened(*messages, text_message("user", script({"text": "new"}))))
    assert batches == [[TextDelta("new")], [ends(tokens=1, messages=4)]]


STEPS = [{"text": "a"}, {"call": "x"}, {"call": "y"}, {"text": "b"}, {"call": "z"}, {"text": "c"}]


@pytest.mark.parametrize(
    ("made", "batches"),
    [
        (0, [[TextDelta("a")], [ToolCalled("call_1", "x", {}), ToolCalled("call_2", "y", {}), ends("tool-calls", 1)]]),
        (2, [[TextDelta("b")], [ToolCalled("call_3", "z", {}), ends("tool-calls", 1, 2)]]),
        (3, [[TextDelta("c")], [ends("stop", 1, 2)]]),
    ],
)
def test_a_script_goes_on_behind_the_calls_that_were_made(made, batches) -> None:
    assert played(*STEPS, made=made) == batches


def test_a_script_can_refuse_after_its_tool_calls() -> None:
    with pytest.raises(ChatError) as refusal:
        played({"call": "x"}, {"refuse": "upstream_failed"}, made=1)
    assert refusal.value.problem is Problem.UPSTREAM_FAILED


@pytest.mark.parametrize(
    ("steps", "said_at_most"),
    [
        ([{"text": "a", "times": 9}], 2),
        ([{"text": "a"}, {"burst": ["b", "c", "d"]}], 2),
        ([{"burst": ["b", "c", "d"]}, {"call": "x"}], 2),
    ],
    ids=["one by one", "burst in the middle", "burst first"],
)
def test_the_usage_of_an_answer_that_was_cut_is_what_was_said(steps, said_at_most) -> None:
    batches = played(*steps, max_tokens=2)
    *said_first, last = [chunk for batch in batches for chunk in batch]
    assert len(said_first) <= said_at_most
    assert last == ends("length", len(said_first))
