"""An answer that another worker makes, told as if it were heard: by looks at what was saved of it, and by the pieces in
which that worker sends it. Pieces may be lost, come late or twice; which one follows is known by where it begins."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.engine.errors import ChatError
from app.engine.events import (
    Batch,
    Event,
    ReasoningDelta,
    RoundFinished,
    RoundStarted,
    TextDelta,
    TurnFailed,
    TurnFinished,
)
from app.engine.replay import Position, Snapshot, parted, told_length


@dataclass(frozen=True, slots=True)
class Piece:
    """What an answer has said in one go.

    - `position`: where it begins. `bounds`: how many bounds of rounds, which count nothing, were told there before.
    - `has_ended`: nothing follows but its end, which is stored; but not with which `error` its caller was told.
    """

    answer_id: str
    position: int
    bounds: int
    events: Batch
    has_ended: bool = False
    error: ChatError | None = None


class _Place:
    """Behind the last event that was told."""

    def __init__(self, told: Sequence[Event] = ()) -> None:
        self._position = Position(sum(map(told_length, told)), told)
        self.bounds = 0

    @property
    def position(self) -> int:
        return self._position.value

    def advance(self, event: Event) -> bool:
        """Whether the event is one that is told once more from what is stored."""
        before = self._position.value
        self._position.advance(event)
        if isinstance(event, RoundStarted | RoundFinished):
            self.bounds += 1
            return True
        if self._position.value == before:
            return False
        self.bounds = 0
        return True


class Pieces:
    """Cuts what a running answer says into pieces, from what it has said by now on."""

    def __init__(self, answer_id: str, said: Snapshot) -> None:
        told = said.replay(0)[1]
        behind = next((at for at, event in enumerate(reversed(told)) if told_length(event)), len(told))
        self._answer_id = answer_id
        self._place = _Place(told)
        self._bounds = told[len(told) - behind :]  # which what is stored may not show yet

    def piece(self, events: Sequence[Event]) -> Piece:
        """The next one; deltas in a row are one."""
        position, bounds = self._place.position, self._place.bounds
        said: list[Event] = []
        for event in (*self._bounds, *events):
            if not self._place.advance(event):
                continue
            last = said[-1] if said else None
            if isinstance(event, TextDelta | ReasoningDelta) and type(last) is type(event):
                said[-1] = type(event)(last.text + event.text)
            else:
                said.append(event)
        self._bounds = []
        end = events[-1] if events else None
        error = end.error if isinstance(end, TurnFailed) else None
        return Piece(self._answer_id, position, bounds, said, isinstance(end, TurnFailed | TurnFinished), error)


class Retelling:
    """The events of an answer. None is told twice."""

    def __init__(self) -> None:
        self._place = _Place()

    def news(self, snapshot: Snapshot) -> Sequence[Event]:
        """What this look shows more than was told; nothing where it shows less, as an older one."""
        return self._told(snapshot.replay(self._place.position)[1], 0)

    @property
    def position(self) -> int:
        """How far it has been told."""
        return self._place.position

    def heard(self, piece: Piece) -> Sequence[Event] | None:
        """What the piece says more than was told; None where something before it is missing."""
        place = self._place
        if (piece.position, piece.bounds) > (place.position, place.bounds):
            return None
        behind = parted(piece.events, place.position - piece.position)[1]
        return self._told(behind, piece.bounds if piece.position == place.position else 0)

    def _told(self, events: Sequence[Event], bounds: int) -> Sequence[Event]:
        """The events from this place on, of which `bounds` were left out, without those that were told."""
        known = 0
        while known < min(self._place.bounds - bounds, len(events)) and not told_length(events[known]):
            known += 1
        news = events[known:]
        for event in news:
            self._place.advance(event)
        return news
