"""From events back to the message that is stored."""

import pytest

from app.engine.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RoundFinished,
    RoundStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
    TurnStarted,
)
from app.engine.messages import ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from app.engine.transcript import Transcript

TEXT = [TextStarted(1), TextDelta("Hel"), TextDelta("lo"), TextEnded(1)]
THOUGHT = [ReasoningStarted(1), ReasoningDelta("H"), ReasoningDelta("m"), ReasoningEnded(1)]

CASES = {
    "nothing was said": ([], ()),
    "steps and starts say nothing": ([TurnStarted("c", "q", "a"), RoundStarted(), TextStarted(1), RoundFinished()], ()),
    "a whole text is one part": (TEXT, (TextPart("Hello"),)),
    "an open text counts": (TEXT[:2], (TextPart("Hel"),)),
    "open reasoning counts": (THOUGHT[:3], (ReasoningPart("Hm"),)),
    "two texts are two parts": (TEXT + TEXT, (TextPart("Hello"), TextPart("Hello"))),
    "reasoning comes before the text that followed it": (THOUGHT + TEXT[:2], (ReasoningPart("Hm"), TextPart("Hel"))),
    "a call without a result": (
        [ToolCalled("1", "clock", {"zone": "UTC"})],
        (ToolCallPart("1", "clock", {"zone": "UTC"}),),
    ),
    "calls and results in their order": (
        [
            *TEXT,
            ToolCalled("1", "clock", {}),
            ToolCalled("2", "calculator", {}),
            ToolReturned("2", "calculator", "no", is_error=True),
            ToolReturned("1", "clock", {"time": "12:00"}),
            *TEXT,
        ],
        (
            TextPart("Hello"),
            ToolCallPart("1", "clock", {}),
            ToolCallPart("2", "calculator", {}),
            ToolResultPart("2", "calculator", "no", is_error=True),
            ToolResultPart("1", "clock", {"time": "12:00"}, is_error=False),
            TextPart("Hello"),
        ),
    ),
}


@pytest.mark.parametrize(("events", "parts"), CASES.values(), ids=CASES)
def test_events_become_the_parts_of_a_message(events, parts) -> None:
    whole, piecemeal = Transcript(), Transcript()
    whole.add(events)
    for event in events:
        piecemeal.add([event])
    assert whole.message().parts == piecemeal.message().parts == parts
    assert whole.message().role == "assistant"


def test_what_was_said_can_be_asked_for_at_any_moment_and_does_not_change_later() -> None:
    transcript = Transcript()
    texts = []
    moments = []
    for event in [*THOUGHT, *TEXT]:
        transcript.add([event])
        moments.append(transcript.message())
        texts.append(moments[-1].text)
    assert texts == ["", "", "", "", "", "Hel", "Hello", "Hello"]
    assert moments[5].parts == (ReasoningPart("Hm"), TextPart("Hel"))


def test_an_empty_batch_changes_nothing() -> None:
    transcript = Transcript()
    transcript.add(TEXT)
    transcript.add(())
    assert transcript.message().text == "Hello"
