"""An answer is told once more from any position: nothing is missing, nothing comes twice."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from support.made_up_answers import answers

from app.engine.events import (
    Event,
    ReasoningDelta,
    ReasoningIdentified,
    RoundFinished,
    RoundStarted,
    SourceFound,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from app.engine.framing import Framing
from app.engine.messages import ProviderMetadata
from app.engine.replay import Position, Snapshot
from app.engine.transcript import Transcript
from app.store.parts import message_from_json, parts_to_json


def joined(events: Iterable[Event], *, bounds: bool = True) -> list[Event]:
    """With the deltas in a row as one, and each document once; without what no caller is shown, and with `bounds` as
    False without those of rounds."""
    documents: set[str] = set()
    found: list[Event] = []
    for event in events:
        if isinstance(event, ReasoningIdentified) or (not bounds and isinstance(event, RoundStarted | RoundFinished)):
            continue
        if isinstance(event, SourceFound):
            if event.source in documents:
                continue
            documents.add(event.source)
        if isinstance(event, TextDelta | ReasoningDelta) and found and type(found[-1]) is type(event):
            found[-1] = type(event)(found[-1].text + event.text)
        elif not (isinstance(event, TextDelta | ReasoningDelta) and not event.text):
            found.append(event)
    return found


def plain(events: Iterable[Event]) -> list[Event]:
    """As they are told once more, without what is for the model alone."""
    return [
        type(event)(event.part) if type(event).__name__ == "ReasoningEnded" else event  # type: ignore[attr-defined]
        for event in joined(events)
    ]


@given(answers())
def test_what_runs_is_told_from_every_position_as_its_first_caller_heard_it(batches) -> None:
    transcript, position, so_far = Transcript(10_000), Position(0), []
    for batch in batches:
        transcript.add(batch)
        so_far += batch
        for event in batch:
            position.advance(event)
        snapshot = transcript.snapshot()
        before, behind = snapshot.replay(10**9)
        assert behind == []
        assert plain(before) == plain(so_far)
        for at in range(position.value + 1):
            told, untold = snapshot.replay(at)
            reached = Position(0)
            for event in told:
                reached.advance(event)
            assert reached.value == at
            assert plain([*told, *untold]) == plain(so_far)


@given(answers())
def test_what_is_stored_is_told_as_it_was(batches) -> None:
    transcript = Transcript(10_000)
    events = [event for batch in batches for event in batch]
    transcript.add(events)
    stored = message_from_json("assistant", parts_to_json(transcript.message()))
    _, again = Snapshot(stored.parts).replay(0)
    assert [each for each in plain(again) if not isinstance(each, RoundStarted | RoundFinished)] == [
        each for each in plain(events) if not isinstance(each, RoundStarted | RoundFinished)
    ]
    assert sum(1 for each in again if isinstance(each, RoundStarted)) == sum(
        1 for each in again if isinstance(each, RoundFinished)
    )


def test_an_answer_that_goes_on_begins_where_it_had_ended() -> None:
    first = Transcript(10_000)
    framing = Framing()
    first.add(
        [RoundStarted(), *framing.frame([TextDelta("Let me see."), ToolCalled("c1", "ask", {})]), RoundFinished()]
    )
    parts = [*first.message().parts, *message_of([ToolReturned("c1", "ask", "yes")])]
    second = Transcript(10_000, parts)
    assert second.snapshot().begin == len("Let me see.") + 2 + 1 + 1
    second.add([RoundStarted(), *Framing().frame([TextDelta("Yes.")])])
    _, behind = second.snapshot().replay(second.snapshot().begin)
    assert [type(each).__name__ for each in behind] == ["RoundFinished", "RoundStarted", "TextStarted", "TextDelta"]
    assert behind[2].part == 1


def message_of(events: Sequence[Event]) -> Sequence:
    transcript = Transcript(10_000)
    transcript.add(events)
    return transcript.message().parts


@pytest.mark.parametrize("position", [0, 1, 5, 10**6])
def test_an_answer_without_a_word_has_nothing_to_tell(position) -> None:
    assert Transcript(10).snapshot().replay(position) == ([], [])
    assert Snapshot(()).replay(position) == ([], [])


def test_thoughts_for_the_model_alone_are_told_to_nobody() -> None:
    parts = message_of([ReasoningIdentified(ProviderMetadata({"a": 1}, "m"), "secret"), ToolCalled("c", "tool", {})])
    stored = message_from_json("assistant", parts_to_json(transcript_message(parts)))
    assert "secret" not in repr(Snapshot(stored.parts).replay(0))


def transcript_message(parts):
    return Transcript(10_000, parts).message()
