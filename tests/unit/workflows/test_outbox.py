"""What is told of steps that do not answer."""

from app.engine.events import (
    Event,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningIdentified,
    ReasoningStarted,
    SourceFound,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from app.engine.messages import ProviderMetadata
from app.workflows.outbox import ToldBeside

SIGNED = ProviderMetadata({"signature": "x"}, "m 1")
CALL, RETURNED = ToolCalled("1", "clock", {}, SIGNED), ToolReturned("1", "clock", "12:00")
THOUGHT: list[Event] = [ReasoningStarted(1), ReasoningDelta("H"), ReasoningDelta("m")]


def told(*events: Event) -> list[Event]:
    """Event by event, as they may come."""
    beside = ToldBeside()
    return [each for event in events for each in beside.of([event])]


def test_tools_and_sources_are_told_and_no_text() -> None:
    found = SourceFound("a.md", "A")
    assert told(TextDelta("x"), CALL, RETURNED, found, TextDelta("y")) == [CALL, RETURNED, found]


def test_thoughts_that_a_model_wants_back_with_a_call_are_kept_before_it() -> None:
    ended = ReasoningEnded(1, SIGNED)
    kept = [ReasoningIdentified(SIGNED, "Hm"), ReasoningIdentified(SIGNED)]
    assert told(*THOUGHT, ended, ReasoningIdentified(SIGNED), CALL, RETURNED) == [*kept, CALL, RETURNED]
    assert told(*THOUGHT, ReasoningEnded(1), *THOUGHT, ended, CALL) == [kept[0], CALL]


def test_thoughts_without_metadata_or_behind_the_last_call_are_not() -> None:
    assert told(*THOUGHT, ReasoningEnded(1), CALL, RETURNED) == [CALL, RETURNED]
    assert told(CALL, RETURNED, *THOUGHT, ReasoningEnded(1, SIGNED), TextDelta("x")) == [CALL, RETURNED]
