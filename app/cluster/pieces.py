"""Pieces of answers as JSON: what goes from the worker that makes an answer to those where it is listened to."""

from collections.abc import Sequence
from typing import Any

from app.engine.errors import ChatError, Problem
from app.engine.events import (
    Event,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    RoundFinished,
    RoundStarted,
    SourceFound,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
    ToolReturned,
)
from app.engine.retelling import Piece

_FIELDS: dict[type, tuple[tuple[str, type], ...]] = {
    RoundStarted: (),
    RoundFinished: (),
    TextStarted: (("part", int),),
    TextEnded: (("part", int),),
    ReasoningStarted: (("part", int),),
    ReasoningDelta: (("text", str),),
    ReasoningEnded: (("part", int),),
    ToolCalled: (("call_id", str), ("name", str), ("args", dict)),
    ToolReturned: (("call_id", str), ("name", str), ("result", object), ("is_error", bool)),
    SourceFound: (("source", str), ("title", str), ("url", str)),
}
"""What is told of each event; metadata, which only models see, is not."""
_KINDS = {kind.__name__: kind for kind in _FIELDS}


def piece_to_json(piece: Piece) -> list[Any]:
    events = [_event_to_json(event) for event in piece.events]
    error = [piece.error.problem.name, piece.error.message] if piece.error else []
    return [piece.answer_id, piece.position, piece.bounds, piece.has_ended, error, events]


def piece_from_json(data: Any) -> Piece:
    """Raises ValueError for what is no piece."""
    match data:
        case [str(answer_id), int(position), int(bounds), bool(has_ended), list(error), list(events)]:
            said = [_event_from_json(event) for event in events]
            return Piece(answer_id, position, bounds, said, has_ended, _error_from_json(error))
    raise ValueError("no piece")


def _error_from_json(data: Sequence[Any]) -> ChatError | None:
    match data:
        case []:
            return None
        case [str(problem), str(message)] if problem in Problem.__members__:
            return ChatError(Problem[problem], message)
    raise ValueError("no error")


def _event_to_json(event: Event) -> Any:
    if isinstance(event, TextDelta):  # nearly every event
        return event.text
    return [type(event).__name__, *(getattr(event, name) for name, _ in _FIELDS[type(event)])]


def _event_from_json(data: Any) -> Event:
    if isinstance(data, str):
        return TextDelta(data)
    kind = _KINDS.get(str(data[0])) if isinstance(data, list) and data else None
    if kind is None:
        raise ValueError("no event")
    values = data[1:]
    _check(values, [of for _, of in _FIELDS[kind]])
    event: Event = kind(*values)
    return event


def _check(values: Sequence[Any], kinds: Sequence[type]) -> None:
    if len(values) != len(kinds) or not all(map(isinstance, values, kinds)):
        raise ValueError("no event")
