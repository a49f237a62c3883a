"""An encoder whose frames say where they stand in their answer, for callers who want to come back."""

from typing import Any

from marshmallow import Schema, fields

from app.engine.errors import Problem
from app.engine.events import Batch, Event, TurnFailed, TurnFinished
from app.engine.replay import Position
from app.web.requests.positions import END
from app.web.responses.framing import SSE
from app.web.wire import Encoder

_BLANK, _DONE = b"\n\n", b"data: [DONE]\n\n"
_KINDS = ("text/event-stream", "application/x-ndjson")
_LAST = (TurnFinished, TurnFailed)
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
        self._answer = answer_id.encode()
        self._numbered = self._event if encoder.content_type == SSE else self._line

    def encode(self, batch: Batch) -> bytes:
        if not batch:
            return self._encode(batch)
        frames = []
        for event in batch:
            self._position.advance(event)
            frame = self._encode((event,))
            if frame:
                frames.append(self._numbered(frame, _end_of(event)))
        return b"".join(frames)

    def _event(self, frame: bytes, end: bytes) -> bytes:
        """The id is that of the last of the events that the frame has: who has heard but the first goes on there."""
        whole = len(frame) - len(_DONE) if frame.endswith(_DONE) else len(frame)
        last = frame.rfind(_BLANK, 0, max(whole - len(_BLANK), 0)) + len(_BLANK)
        at = last if last >= len(_BLANK) else 0
        return b"%bid: %b.%d%b\n%b" % (frame[:at], self._answer, self._position.value, end, frame[at:])

    def _line(self, frame: bytes, end: bytes) -> bytes:
        return b'%b,"cursor":"%b.%d%b"}\n' % (frame[:-2], self._answer, self._position.value, end)


def _end_of(event: Event) -> bytes:
    """What stands behind the position of the answer's last event."""
    if not isinstance(event, _LAST):
        return b""
    goes_on = isinstance(event, TurnFailed) and event.error.problem in _GOES_ON
    return b"" if goes_on else END.encode()


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
