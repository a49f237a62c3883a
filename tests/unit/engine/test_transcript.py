"""From events back to the message that is stored."""

import pytest

from app.engine.errors import ChatError, Problem
from app.engine.events import (
    ReasoningDelta,
    ReasoningEnded,
    ReasoningIdentified,
    ReasoningStarted,
    RoundFinished,
    RoundStarted,
    SourceFound,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
    TurnStarted,
)
from app.engine.messages import ProviderMetadata, ReasoningPart, SourcePart, TextPart, ToolCallPart, ToolResultPart
from app.engine.transcript import Transcript

TEXT = [TextStarted(1), TextDelta("Hel"), TextDelta("lo"), TextEnded(1)]
THOUGHT = [ReasoningStarted(1), ReasoningDelta("H"), ReasoningDelta("m"), ReasoningEnded(1)]
SIGNED = ProviderMetadata({"signature": "x"}, "m")

CASES = {
    "nothing was said": ([], ()),
    "steps and starts say nothing": ([TurnStarted("c", "q", "a"), RoundStarted(), TextStarted(1), RoundFinished()], ()),
    "a whole text is one part": (TEXT, (TextPart("Hello"),)),
    "an open text counts": (TEXT[:2], (TextPart("Hel"),)),
    "open reasoning counts": (THOUGHT[:3], (ReasoningPart("Hm"),)),
    "two texts are two parts": (TEXT + TEXT, (TextPart("Hello"), TextPart("Hello"))),
    "reasoning comes before the text that followed it": (THOUGHT + TEXT[:2], (ReasoningPart("Hm"), TextPart("Hel"))),
    "metadata stays with its reasoning, whether it has words or none": (
        [
            *THOUGHT[:3],
            ReasoningEnded(1, SIGNED),
            ReasoningIdentified(SIGNED),
            *TEXT,
            ReasoningIdentified(SIGNED, "So"),
        ],
        (
            ReasoningPart("Hm", SIGNED),
            ReasoningPart("", SIGNED, shown=False),
            TextPart("Hello"),
            ReasoningPart("So", SIGNED, shown=False),
        ),
    ),
    "and with its call": (
        [ToolCalled("1", "clock", {}, SIGNED), ToolCalled("2", "clock", {})],
        (ToolCallPart("1", "clock", {}, SIGNED), ToolCallPart("2", "clock", {})),
    ),
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
    "each document that was found, once": (
        [
            SourceFound("Tea", "Prices", "https://tea.example/tea#prices"),
            *TEXT[:2],
            SourceFound("Tea", "Sorts", "https://tea.example/tea#sorts"),
            SourceFound("Tea", "Prices"),
            SourceFound("Tea", "Sorts"),
        ],
        (
            SourcePart("Tea", "Prices", "https://tea.example/tea#prices"),
            SourcePart("Tea", "Prices"),
            TextPart("Hel"),
        ),
    ),
}


@pytest.mark.parametrize(("events", "parts"), CASES.values(), ids=CASES)
def test_events_become_the_parts_of_a_message(events, parts) -> None:
    whole, piecemeal = Transcript(1000), Transcript(1000)
    whole.add(events)
    for event in events:
        piecemeal.add([event])
    assert whole.message().parts == piecemeal.message().parts == parts
    assert whole.message().role == "assistant"


def test_what_was_said_can_be_asked_for_at_any_moment_and_does_not_change_later() -> None:
    transcript = Transcript(1000)
    texts = []
    moments = []
    for event in [*THOUGHT, *TEXT]:
        transcript.add([event])
        moments.append(transcript.message())
        texts.append(moments[-1].text)
    assert texts == ["", "", "", "", "", "Hel", "Hello", "Hello"]
    assert moments[5].parts == (ReasoningPart("Hm"), TextPart("Hel"))


def test_a_resumed_answer_does_not_name_its_documents_again() -> None:
    transcript = Transcript(1000, [SourcePart("Tea", "Prices")])
    transcript.add([SourceFound("Tea", "Sorts"), SourceFound("Coffee", "Sorts")])
    assert transcript.message().parts == (SourcePart("Tea", "Prices"), SourcePart("Coffee", "Sorts"))


def test_an_empty_batch_changes_nothing() -> None:
    transcript = Transcript(1000)
    transcript.add(TEXT)
    transcript.add(())
    assert transcript.message().text == "Hello"


CALL = ToolCalled("1", "clock", {"zone": "é" * 20})


@pytest.mark.parametrize(("piece", "size"), [
    (TextDelta("abcde"), 5), (TextDelta("é" * 5), 10), (ReasoningDelta("é" * 5), 10), (CALL, len(str(CALL.args)) + 20),
    (ReasoningEnded(1, SIGNED), len(str(SIGNED.value))), (ReasoningIdentified(SIGNED, "é"), len(str(SIGNED.value)) + 2),
    (ToolCalled("1", "clock", {}, SIGNED), len(str(SIGNED.value)) + 2),
])  # fmt: skip
def test_what_a_model_writes_has_room_for_so_many_bytes_and_no_more(piece, size) -> None:
    transcript = Transcript(3 * size)
    for _ in range(3):
        transcript.add([piece])
    full = transcript.message()
    with pytest.raises(ChatError) as refused:
        transcript.add([piece])
    assert refused.value.problem is Problem.UPSTREAM_FAILED
    assert transcript.message() == full, "what is too much is not kept"


def test_results_of_tools_and_what_was_said_before_take_no_room() -> None:
    transcript = Transcript(5, [TextPart("said before")])
    transcript.add([ToolReturned("1", "clock", "x" * 100, is_error=False), TextDelta("abcde")])
    assert transcript.message().text == "said beforeabcde"
