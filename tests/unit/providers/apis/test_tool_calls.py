"""Tool calls put together from pieces, and their arguments; the decoders' tests have the servers' ways to send them."""

import pytest

from app.engine.errors import ModelError
from app.engine.events import ToolCalled
from app.providers.apis.tool_calls import MOST_CALLS, ToolCalls, parsed_arguments


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
