"""An answer told once more from a position in it, whether it runs, was saved on its way, or has ended.

A position counts what has been told of an answer, from 0: each character (code point) of its text and its thoughts,
and one for every other event; the bounds of rounds, of which a message knows nothing, and the first and the last event
count nothing. So an event that was sent has the same position in the message that is stored, whatever the batches were.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from app.engine.events import (
    Event,
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
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from app.engine.messages import Part, ReasoningPart, SourcePart, TextPart, ToolCallPart, ToolResultPart

_NOTHING = TurnStarted | RoundStarted | RoundFinished | ReasoningIdentified | TurnFinished | TurnFailed


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an answer has said by now.

    - `parts`: of all of it; where `is_open`, the last of them goes on. `resumed`: how many of them had been said before
      this turn, which numbers its own parts from 1.
    - `rounds`: how many have begun in this turn, None where nobody knows. `in_round`: whether the last of them goes on.
    """

    parts: Sequence[Part]
    is_open: bool = False
    resumed: int = 0
    rounds: int | None = None
    in_round: bool = False

    def replay(self, position: int) -> tuple[list[Event], list[Event]]:
        """The events before the position, and those from it on. One that it lies in is split."""
        return parted(self._events(), position)

    @property
    def begin(self) -> int:
        """The position at which this turn began."""
        said = Snapshot(self.parts[: self.resumed]).replay(0)[1]
        return sum(map(told_length, said))

    def _events(self) -> Iterator[Event]:
        number = rounds = 0
        after_results = False
        for index, part in enumerate(self.parts):
            if index == self.resumed:
                number = rounds = 0
            behind = after_results and isinstance(part, SourcePart)
            if index in (0, self.resumed) or (after_results and not behind and not isinstance(part, ToolResultPart)):
                yield from [RoundFinished()] * (index > 0)
                yield RoundStarted()
                rounds += 1
            after_results = behind or isinstance(part, ToolResultPart)
            number += _is_shown(part)
            yield from _part_events(part, number, is_open=self.is_open and index == len(self.parts) - 1)
        if self.rounds and (self.rounds > rounds or len(self.parts) == self.resumed):
            yield from [RoundFinished()] * bool(self.parts)
            yield RoundStarted()
        if not self.in_round and (self.parts or self.rounds):
            yield RoundFinished()


def parted(events: Iterable[Event], position: int) -> tuple[list[Event], list[Event]]:
    """The events before the position, which counts from the first of them, and those from it on. One that it lies in
    is split."""
    before: list[Event] = []
    behind: list[Event] = []
    at = 0
    for event in events:
        length = told_length(event)
        if at >= position:
            behind.append(event)
        elif at + length <= position:
            before.append(event)
        else:
            first, second = _split(event, position - at)
            before.append(first)
            behind.append(second)
        at += length
    return before, behind


class Position:
    """Behind the last of the events that it was told of; `value` counts on from a position."""

    def __init__(self, value: int, told: Sequence[Event] = ()) -> None:
        """`told` are those before, of which only the documents matter."""
        self.value = value
        self._documents = {_document(event) for event in told if isinstance(event, SourceFound)}

    def advance(self, event: Event) -> None:
        if isinstance(event, TextDelta):  # nearly every event
            self.value += len(event.text)
        elif isinstance(event, SourceFound):
            document = _document(event)
            self.value += document not in self._documents  # each is told, and stored, once
            self._documents.add(document)
        else:
            self.value += told_length(event)


def _document(found: SourceFound) -> str:
    return SourcePart(found.source, found.title, found.url).document


def told_length(event: Event) -> int:
    """How far the event goes on in its answer; a source where its document is told for the first time."""
    if isinstance(event, TextDelta | ReasoningDelta):
        return len(event.text)
    return 0 if isinstance(event, _NOTHING) else 1


def _is_shown(part: Part) -> bool:
    """Whether it is one of the parts that are numbered."""
    return isinstance(part, TextPart) or (isinstance(part, ReasoningPart) and part.shown)


def _part_events(part: Part, number: int, *, is_open: bool) -> Iterator[Event]:
    match part:
        case TextPart(text):
            yield TextStarted(number)
            yield TextDelta(text)
            if not is_open:
                yield TextEnded(number)
        case ReasoningPart(text, shown=True):
            yield ReasoningStarted(number)
            yield ReasoningDelta(text)
            if not is_open:
                yield ReasoningEnded(number)
        case ToolCallPart(call_id, name, args):
            yield ToolCalled(call_id, name, args)
        case ToolResultPart(call_id, name, result, is_error):
            yield ToolReturned(call_id, name, result, is_error)
        case SourcePart(source, title, url):
            yield SourceFound(source, title, url)


def _split(event: Event, length: int) -> tuple[Event, Event]:
    assert isinstance(event, TextDelta | ReasoningDelta), "nothing else is longer than one"
    return type(event)(event.text[:length]), type(event)(event.text[length:])
