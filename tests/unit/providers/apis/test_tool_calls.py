"""Tool calls put together from pieces; `test_call_pieces.py` has the servers' ways to send them."""

import pytest

from app.engine.errors import ModelError
from app.engine.events import ToolCalled
from app.providers.apis.arguments import MOST_CALLS
from app.providers.apis.tool_calls import MOST_ARGUMENTS, MOST_WORD, ToolCalls


def test_calls_are_found_by_number_and_id_and_come_in_the_order_of_their_numbers() -> None:
    calls = ToolCalls()
    assert (calls.last, calls.numbered(None), calls.identified("")) == (None, None, None)
    first, second = calls.start(1, "b", "clock"), calls.start(0, "", "clock")
    calls.add(first, "{}")
    calls.add(second, '{"zone"')
    assert (calls.numbered(0), calls.last, calls.identified("b")) == (second, second, first)
    calls.add(second, ': "UTC"}')
    third = calls.start(0, "c", "clock")
    assert (calls.numbered(0), calls.numbered(7), len(calls)) == (third, None, 3)
    assert calls.finish() == [
        ToolCalled("call_0", "clock", {"zone": "UTC"}),
        ToolCalled("c", "clock", {}),
        ToolCalled("b", "clock", {}),
    ]


def test_the_first_id_of_a_call_is_its_id() -> None:
    calls = ToolCalls()
    call = calls.start(0, "", "clock")
    for call_id in ("", "a", "b"):
        calls.identify(call, call_id)
    assert (calls.identified("a"), calls.identified("b"), call.call_id) == (call, None, "a")


def test_more_calls_than_the_most_are_a_failure() -> None:
    calls = ToolCalls()
    for number in range(MOST_CALLS):
        calls.add(calls.start(number, "", "clock"), '{"x": 1}')
    with pytest.raises(ModelError):
        calls.start(MOST_CALLS, "", "clock")
    calls.add(calls.numbered(0), '{"x": 2}')
    with pytest.raises(ModelError):
        calls.finish()


def test_names_and_ids_are_cut_and_too_long_arguments_are_a_failure() -> None:
    calls = ToolCalls()
    call = calls.start(0, "i" * 9999, "n" * 9999)
    assert (call.call_id, call.name) == ("i" * MOST_WORD, "n" * MOST_WORD)
    calls.add(call, "x" * MOST_ARGUMENTS)
    with pytest.raises(ModelError):
        calls.add(call, "x")
