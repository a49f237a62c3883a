"""An encoder whose frames say where they stand in their answer, for callers who want to come back."""

from typing import Any

from marshmallow import Schema, fields

from app.engine.errors import Problem
from app.engine.events import Batch, Event, TurnFailed, TurnFinished
from app.engine.replay import Position
from app.web.requests.positions import END
from app.web.responses.framing import SSE
from app.web.wire import Encoder

_KINDS = ("text/event-stream", "application/x-ndjson")
_GOES_ON = (Problem.LIMITED, Problem.LOST)  # with these a stream ends before its answer does, or nobody knows


def numbered(encoder: Encoder, answer_id: str, position: Position) -> Encoder:
    """The encoder, with ids where its frames have a place for them."""
    kind = encoder.content_type.partition(";")[0]
    return NumberedEncoder(encoder, answer_id, position) if kind in _KINDS else encoder


class NumberedEncoder:
    """Implements `Encoder` over another one. Each frame of server-sent events gets an `id`, each JSON object of a line
    a `cursor`: the position behind its event, and of the last one that it is the end."""

    def __init__(self, encoder: Encoder, answer_id: str, position: Position) -> None:
        self.content_type = encoder.content_type
        self._encode = encoder.encode
        self._position = position
        self._answer = answer_id
        self._numbered = self._event if encoder.content_type == SSE else self._line

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return self._encode(batch)
        frames = []
        for event in batch:
            self._position.advance(event)
            frame = self._encode((event,))
            if frame:
                frames.append(self._numbered(frame, self._id(event)))
        return b"".join(frames)

    def _id(self, event: Event) -> str:
        end = isinstance(event, TurnFinished) or (isinstance(event, TurnFailed) and event.error.problem not in _GOES_ON)
        return f"{self._answer}.{self._position.value}{END if end else ''}"

    def _event(self, frame: bytes, cursor: str) -> bytes:
        return b"id: %b\n%b" % (cursor.encode(), frame)

    def _line(self, frame: bytes, cursor: str) -> bytes:
        return b'%b,"cursor":"%b"}\n' % (frame[:-2], cursor.encode())


def line_schemas(*schemas: type[Schema]) -> dict[str, Any]:
    """For the reference: a stream's lines, each of which may have its cursor."""
    about = "Where it ends in its answer, for callers who ask with `Last-Event-ID`"
    cursor = fields.String(metadata={"description": about})
    return {
        "oneOf": [
            type(_line_name(each), (each,), {"cursor": cursor, "__module__": each.__module__}) for each in schemas
        ]
    }


def _line_name(schema: type[Schema]) -> str:
    return f"{schema.__name__.removesuffix('Schema').removesuffix('Line')}LineSchema"
