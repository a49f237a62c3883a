"""The runner that keeps every tool within its bounds."""

from collections.abc import Callable, Mapping
from typing import Any

import gevent
import pytest
from gevent.event import Event
from marshmallow import Schema, fields

from app.engine.agent import Agent, ToolContext
from app.engine.events import ToolCalled, ToolReturned
from app.tools.base import Tool, ToolError
from app.tools.builtin import calculator, clock
from app.tools.builtin.calculator import MAX_LENGTH
from app.tools.toolbox import MOST_REASON, MOST_RESULT_BYTES, ToolRunner

CLOCK, CALCULATOR = clock.TOOL, calculator.TOOL
AGENT = Agent(id="demo", name="Demo", models=("m",), tools=("tool", "other", "clock", "calculator", "missing"))
CONTEXT = ToolContext(AGENT, "user-1")


class Arguments(Schema):
    number = fields.Integer(load_default=1)


Function = Callable[[ToolContext, Mapping[str, Any]], Any]


def run(functions: Mapping[str, Function], *calls: ToolCalled, seconds: float = 5.0, context: ToolContext = CONTEXT):
    made = {name: Tool(name, "", Arguments, function, seconds) for name, function in functions.items()}
    return ToolRunner(made | {"clock": CLOCK, "calculator": CALCULATOR}).run(context, calls, 0.1)


def results(*arguments: Any, **options: Any) -> list[ToolReturned]:
    return [returned for batch in run(*arguments, **options) for returned in batch]


def call(name: str = "tool", call_id: str = "call_1", **args: Any) -> ToolCalled:
    return ToolCalled(call_id, name, args)


def fail(_context: ToolContext, _args: Mapping[str, Any]) -> Any:
    raise RuntimeError("password=hunter2")


def refuse(_context: ToolContext, _args: Mapping[str, Any]) -> Any:
    raise ToolError("the shop is closed")


@pytest.mark.parametrize(
    ("function", "asked", "reason"),
    [
        (refuse, call(), "the shop is closed"),
        (fail, call(), "The tool failed."),
        (refuse, call("unknown"), "There is no such tool."),
        (refuse, call("missing"), "There is no such tool."),
        (refuse, call(number="many"), None),
        (refuse, call(unknown=1), None),
        (lambda _context, _args: object(), call(), "The tool failed."),
        (lambda _context, _args: {1, 2}, call(), "The tool failed."),
        (lambda _context, _args: "\ud800", call(), "The tool failed."),
        (lambda _context, _args: 2**70, call(), "The tool failed."),
        (lambda _context, _args: "x" * MOST_RESULT_BYTES, call(), "The result is too large."),
        (refuse, call("calculator", expression="1" * (MAX_LENGTH + 1)), None),
        (refuse, call("calculator"), None),
        (refuse, call("calculator", expression=5), None),
        (refuse, call("clock", zone=""), None),
    ],
)
def test_a_call_that_fails_is_a_result_with_a_reason(function, asked, reason) -> None:
    (returned,) = results({"tool": function}, asked)
    assert (returned.call_id, returned.name, returned.is_error) == (asked.call_id, asked.name, True)
    assert returned.result == reason if reason else returned.result.startswith("The arguments are wrong: ")


def test_why_arguments_are_wrong_is_a_bounded_result_too() -> None:
    (returned,) = results({"tool": refuse}, call(**{"x" * MOST_RESULT_BYTES: 1}))
    assert returned.result.startswith("The arguments are wrong: {'xxx")
    assert len(returned.result) <= MOST_REASON


def test_a_tool_that_the_agent_may_not_use_is_no_tool() -> None:
    (returned,) = results(
        {"tool": lambda _context, _args: 1}, call(), context=ToolContext(Agent("a", "A", ("m",), tools=("clock",)))
    )
    assert returned == ToolReturned("call_1", "tool", "There is no such tool.", is_error=True)


def test_a_tool_gets_the_agent_the_user_and_its_checked_arguments() -> None:
    function = lambda context, args: [context.agent.id, context.user_id, args]  # noqa: E731 - a tool's function, nothing more
    returned = results({"tool": function}, call(), call("tool", "call_2", number=7))
    assert {r.call_id: r.result for r in returned} == {
        "call_1": ["demo", "user-1", {"number": 1}],
        "call_2": ["demo", "user-1", {"number": 7}],
    }


def test_a_nul_in_a_result_or_a_reason_is_replaced_and_what_only_looks_like_one_stays() -> None:
    (returned,) = results({"tool": lambda _context, _args: {"a\0": ["b\0", 1, r"\u0000"]}}, call())
    assert returned.result == {"a\ufffd": ["b\ufffd", 1, r"\u0000"]}

    def refuse_so(_context: ToolContext, _args: Mapping[str, Any]) -> Any:
        raise ToolError("closed\0")

    (refused,) = results({"tool": refuse_so}, call())
    assert (refused.is_error, refused.result) == (True, "closed\ufffd")


def test_a_tools_bug_is_logged_and_not_told(caplog) -> None:
    (returned,) = results({"tool": fail}, call())
    assert returned.result == "The tool failed."
    assert "hunter2" in caplog.text


def test_a_result_of_just_the_allowed_size_is_passed_on() -> None:
    (returned,) = results({"tool": lambda _context, _args: "x" * (MOST_RESULT_BYTES - 2)}, call())
    assert (len(returned.result), returned.is_error) == (MOST_RESULT_BYTES - 2, False)


def test_a_tool_that_hangs_is_cut_at_its_limit_and_does_not_hold_up_the_others() -> None:
    hang = lambda _context, _args: Event().wait()  # noqa: E731
    functions = {"tool": hang, "other": lambda _context, _args: "quick"}
    batches = list(run(functions, call(), call("other", "call_2"), seconds=0.25))
    quick, *silence, cut = batches
    assert [returned.result for returned in quick] == ["quick"]
    assert silence == [(), ()], "while a tool is silent there are heartbeats"
    assert cut == (ToolReturned("call_1", "tool", "The tool took longer than 0.25 seconds.", is_error=True),)


def test_calls_run_side_by_side_and_come_back_in_order_of_completion() -> None:
    first, second = Event(), Event()

    def wait_for_the_second(_context: ToolContext, _args: Mapping[str, Any]) -> str:
        first.set()
        return "second ran" if second.wait(3) else "alone"

    def wait_for_the_first(_context: ToolContext, _args: Mapping[str, Any]) -> str:
        met = first.wait(3)
        gevent.spawn_later(0.01, second.set)
        return "first ran" if met else "alone"

    returned = results({"tool": wait_for_the_second, "other": wait_for_the_first}, call(), call("other", "call_2"))
    assert [(r.call_id, r.result) for r in returned] == [("call_2", "first ran"), ("call_1", "second ran")]


def test_no_calls_have_no_results() -> None:
    assert list(run({})) == []


def test_closing_kills_the_running_calls_and_ends_the_iteration() -> None:
    started, killed = Event(), Event()

    def hang(_context: ToolContext, _args: Mapping[str, Any]) -> None:
        started.set()
        try:
            Event().wait()
        finally:
            killed.set()

    stream = run({"tool": hang}, call())
    reader = gevent.spawn(list, stream)
    assert started.wait(3)
    stream.close()
    stream.close()
    assert killed.wait(3)
    reader.join(3)
    assert [batch for batch in reader.value if batch] == []
