"""Statements that go to PostgreSQL with what follows them, so that one answer is waited for and not two."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Executable

S = TypeVar("S", bound=Executable)

_OPTION = "parlance_unanswered"


def unanswered(statement: S) -> S:
    """The statement as one whose outcome nobody looks at, neither rows nor their number. Where PostgreSQL refuses it,
    a later statement of its transaction raises that, or the commit. SQLite's are run at once."""
    return statement.execution_options(**{_OPTION: True})


def is_unanswered(options: Mapping[str, Any]) -> bool:
    """Of a statement's execution options."""
    return bool(options.get(_OPTION))
