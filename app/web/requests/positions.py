"""Where in an answer a caller has stopped reading: `ANSWER.POSITION`, as its stream's ids say it."""

import re
from dataclasses import dataclass

from flask import request

from app.engine.errors import ChatError, Problem

HEADER = "Last-Event-ID"
_CURSOR = re.compile(r"([0-9a-f]{32})\.([0-9]{1,10})")


@dataclass(frozen=True, slots=True)
class StreamCursor:
    """The stored id of an answer, and a position in it (app/engine/replay.py)."""

    answer_id: str
    position: int

    @classmethod
    def read(cls, text: str) -> "StreamCursor":
        """Raises ChatError(INVALID)."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise ChatError(Problem.INVALID, f"This is no position in an answer; it looks like {'0' * 32}.0")
        return cls(found[1], int(found[2]))


def wants_ids() -> bool:
    """Whether the caller asks for ids in its stream: with the header, which may be empty."""
    return HEADER in request.headers


def asked_cursor(also: str | None = None) -> StreamCursor | None:
    """The cursor in the header, or else in `also`; None where neither has one. Raises ChatError(INVALID)."""
    text = request.headers.get(HEADER, "").strip() or also
    return StreamCursor.read(text) if text else None
