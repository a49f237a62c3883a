"""What a caller has heard of an answer is told to its encoder alone."""

import pytest

from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, TextDelta, TextEnded, TextStarted, ToolCalled, TurnFailed, TurnStarted
from app.web.responses.following_elsewhere import HeardEncoder

FIRST = TurnStarted("c", "q", "a", None, 0, "m")
LAST = TurnFailed(ChatError(Problem.BROKEN_OFF))
SAID: list[Event] = [TextStarted(1), TextDelta("abc"), TextDelta("de"), TextEnded(1), ToolCalled("c1", "tool", {})]


class Told:
    """An encoder whose frames are the texts that it was told."""

    content_type = "text/event-stream"

    def __init__(self) -> None:
        self.events: list[Event] = []

    def encode(self, batch: Batch) -> bytes:
        self.events += batch
        return b"".join(_frame(event) for event in batch) if batch else b":"


def _frame(event: Event) -> bytes:
    return event.text.encode() if isinstance(event, TextDelta) else type(event).__name__[:1].encode()


WHOLE = "TabcdeTT"


@pytest.mark.parametrize("size", [1, 2, 9])
@pytest.mark.parametrize("position", range(9))
def test_only_what_lies_behind_the_position_makes_frames(position, size) -> None:
    encoder = HeardEncoder(told := Told(), position, has_begun=True)
    events = [FIRST, *SAID, LAST]
    frames = b"".join(encoder.encode(events[at : at + size]) for at in range(0, len(events), size))
    assert frames.decode() == WHOLE[position:] + "T"
    assert [each for each in told.events if not isinstance(each, TextDelta)] == [FIRST, SAID[0], *SAID[3:], LAST]
    assert encoder.encode(()) == b":", "a keep-alive"


def test_who_has_heard_nothing_hears_the_first_event_and_what_its_turn_says() -> None:
    encoder = HeardEncoder(Told(), 6, has_begun=False)
    assert [encoder.encode([FIRST, *SAID[:2]]), encoder.encode(SAID[2:])] == [b"T", b"TT"]


def test_beyond_the_end_there_is_the_last_event() -> None:
    encoder = HeardEncoder(Told(), 99, has_begun=True)
    assert [encoder.encode([FIRST, *SAID]), encoder.encode([LAST])] == [b"", b"T"]
