"""Where in an answer a caller has stopped reading: `ANSWER.POSITION`, as its stream's ids say it, and
`ANSWER.POSITION.end` behind its last event."""

import re
from dataclasses import dataclass

from flask import request
from marshmallow import EXCLUDE, Schema, fields

from app.engine.errors import ChatError, Problem

HEADER = "Last-Event-ID"
END = ".end"
CURSOR = fields.String(  # of a query; each schema copies it
    load_default=None,
    metadata={"description": "That of the last event, where no header can be sent; `Last-Event-ID` goes before it"},
)
_CURSOR = re.compile(r"([0-9a-f]{32})\.([0-9]{1,10})(\.end)?")


@dataclass(frozen=True, slots=True)
class StreamCursor:
    """The stored id of an answer, and a position in it (app/engine/replay.py). `is_end`: its last event has been heard,
    which has no position of its own."""

    answer_id: str
    position: int
    is_end: bool = False

    @classmethod
    def read(cls, text: str) -> "StreamCursor":
        """Raises ChatError(INVALID)."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise ChatError(Problem.INVALID, f"This is no position in an answer; it looks like {'0' * 32}.0")
        return cls(found[1], int(found[2]), found[3] is not None)


class CursorSchema(Schema):
    """The query of what reads an answer on, and takes nothing else."""

    class Meta:
        unknown = EXCLUDE

    cursor = CURSOR


def wants_ids() -> bool:
    """Whether the caller asks for ids in its stream: with the header, which may be empty, or by reading on as an
    EventSource does, which cannot send it at first, and needs ids to come back by itself."""
    is_event_source = request.method == "GET" and request.headers.get("Accept") == "text/event-stream"
    return HEADER in request.headers or is_event_source


def asked_cursor(also: str | None = None) -> StreamCursor | None:
    """The cursor in the header, or else in `also`; None where neither has one. Raises ChatError(INVALID).

    Of several the last one counts: where a page sends the header in other letters than the client that it is built on,
    its own, which may be empty, stands before the client's.
    """
    sent = [each.strip() for each in request.headers.get(HEADER, "").split(",")]
    text = next(filter(None, reversed(sent)), None) or also
    return StreamCursor.read(text) if text else None
