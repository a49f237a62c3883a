"""Tool calls put together from pieces, and their arguments; the decoders' tests have the servers' ways to send them."""

import re

import pytest

from app.engine.errors import ModelError
from app.engine.events import ToolCalled
from app.providers.apis.tool_calls import MOST_CALLS, ToolCalls, accepted_id, parsed_arguments, result_text


def test_pieces_go_to_the_latest_call_of_their_key_and_calls_come_by_number() -> None:
    calls = ToolCalls()
    calls.start(1, "b", "clock").arguments.append("{}")
    calls.start(0, "", "clock").arguments.append('{"zone"')
    piece = calls.get(0)
    assert piece is calls.last
    piece.arguments.append(': "UTC"}')
    calls.start(0, "c", "clock")
    assert calls.get(0) is not piece
    assert calls.get(7) is None
    assert calls.finish() == [
        ToolCalled("call_0", "clock", {"zone": "UTC"}),
        ToolCalled("c", "clock", {}),
        ToolCalled("b", "clock", {}),
    ]


def test_more_calls_than_the_most_are_a_failure() -> None:
    calls = ToolCalls()
    for number in range(MOST_CALLS):
        calls.start(number, "", "clock")
    with pytest.raises(ModelError):
        calls.start(MOST_CALLS, "", "clock")


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        ("null", {}),
        ('{"a": [1]}', {"a": [1]}),
        ("[1]", {"malformed_arguments": "[1]"}),
        ("7", {"malformed_arguments": "7"}),
        ("{" * 999, {"malformed_arguments": "{" * 200}),
    ],
)
def test_arguments_are_an_object_whatever_the_model_wrote(text, arguments) -> None:
    assert parsed_arguments(text) == arguments


def test_an_id_that_an_api_does_not_accept_is_replaced_by_the_same_one_each_time() -> None:
    accepted = re.compile("[a-z_0-9]{1,40}")
    assert accepted_id("call_1", accepted) == "call_1"
    replaced = {accepted_id(each, accepted) for each in ("A", "B", "", "\ud800", "x" * 99)}
    assert len(replaced) == 5
    assert all(accepted.fullmatch(each) for each in replaced)
    assert accepted_id("A", accepted) in replaced


def test_a_result_is_its_text_or_its_json() -> None:
    assert [result_text(each) for each in ("x", "", None, {"a": "\u00e9"})] == ["x", "", "null", '{"a":"\u00e9"}']
