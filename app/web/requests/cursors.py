"""Cursors: where the next page of a list begins, as text that callers bring back as it is."""

from collections.abc import Sequence
from typing import Any

from itsdangerous import BadData

from app.engine.errors import ChatError, Problem
from app.web.services import services

_NOT_OURS = "Not a cursor of this list."


def make_cursor(of: Sequence[str | None], position: Sequence[int | str | None]) -> str:
    """Signed, it says of which list it is, and where it points."""
    return services().signer.dumps([*of, position])


def read_cursor(cursor: str | None, of: Sequence[str | None]) -> Any:
    """Where a cursor of this list points, None without one. Raises ChatError(INVALID) for one that was not made here,
    or for another list."""
    if cursor is None:
        return None
    try:
        *named, position = services().signer.loads(cursor)
    except BadData:
        named = []
    if named != list(of):
        raise ChatError(Problem.INVALID, f"cursor: {_NOT_OURS}", fields={"cursor": _NOT_OURS})
    return position
