"""Which of the answers that a caller brings along are those that are stored."""

from dataclasses import replace

import pytest

from app.engine.messages import (
    Message,
    ProviderMetadata,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    text_message,
)
from app.engine.recognition import recognized

SIGNED = ProviderMetadata({"signature": "x"}, "m 1")
THOUGHT = ReasoningPart("Hm", SIGNED)
ONE, TWO = ToolCallPart("a", "clock", {"zone": "UTC"}, SIGNED), ToolCallPart("b", "clock", {})
FIRST, SECOND = (
    ToolResultPart("a", "clock", {"time": 12}, is_error=False),
    ToolResultPart("b", "clock", "No", is_error=True),
)
STORED = Message("assistant", (THOUGHT, ONE, TWO, FIRST, SECOND, TextPart("No"), TextPart("on.")))
HI = text_message("user", "Hi")
SAME = (ReasoningPart("Hm"), replace(ONE, metadata=None), FIRST, TWO, SECOND, TextPart("Noon."))


def test_an_answer_that_a_page_brings_as_it_was_told_is_the_stored_one() -> None:
    other = Message("assistant", (ToolCallPart("z", "clock", {}), replace(FIRST, call_id="z")))
    assert recognized([HI, Message("assistant", SAME), HI, other], [HI, STORED, HI]) == [HI, STORED, HI, other]


@pytest.mark.parametrize(
    "changed",
    [
        (*SAME[:-1], TextPart("Midnight.")),
        (*SAME[:2], replace(FIRST, result={"time": 13}), *SAME[3:]),
        (*SAME[:1], replace(ONE, args={}, metadata=None), *SAME[2:]),
        (*SAME[:4], replace(SECOND, is_error=False), *SAME[5:]),
        SAME[:4],
    ],
    ids=["text", "result", "arguments", "failure", "less"],
)
def test_one_that_was_changed_is_the_callers(changed) -> None:
    brought = Message("assistant", changed)
    assert recognized([HI, brought], [HI, STORED]) == [HI, brought]


def test_what_has_no_calls_is_the_callers_own() -> None:
    plain = Message("assistant", (THOUGHT, TextPart("Noon.")))
    brought = [HI, text_message("assistant", "Noon.")]
    assert recognized(brought, [HI, plain]) == brought
    assert recognized(brought, []) == brought
