"""Answers as they stood before they went on, or went back: a part of an answer is its own request's, and who asks the
same again with the key of that gets this part (repeated.py), whatever has come behind it since.

Of such a part is kept how it had ended and how many of the answer's parts there were, until its key is forgotten; what
it said stands in the answer. A digest tells where something else stands there now.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select

from app.store.tables import earlier_answers, now
from app.store.trips import unanswered

MOST_FORGOTTEN = 100  # of those whose time is over, each time that one is kept

# Built once: building a statement costs more than running it.
_FIND = select(earlier_answers).where(earlier_answers.c.request_key == bindparam("key"))
_KEEP = unanswered(insert(earlier_answers))
_FORGET = unanswered(
    delete(earlier_answers).where(
        or_(
            earlier_answers.c.request_key == bindparam("key"),
            earlier_answers.c.request_key.in_(
                select(earlier_answers.c.request_key)
                .where(earlier_answers.c.asked_again_until < bindparam("time"))
                .limit(MOST_FORGOTTEN)
            ),
        )
    )
)


def keep_earlier(connection: Connection, answer: Any) -> None:
    """Of the row of an answer that is about to go on or back, where its last part was asked for with a key."""
    if answer.request_key is None or answer.asked_again_until < now():
        return
    connection.execute(_FORGET, {"key": answer.request_key, "time": now()})
    part = {
        "answer_id": answer.id,
        "said": len(answer.parts),
        "digest": _digest(answer.parts),
        **{column.name: getattr(answer, column.name) for column in earlier_answers.c if column.name in answer._fields},
    }
    connection.execute(_KEEP, part)


def find_earlier(connection: Connection, key: str) -> Any:
    """The row of `earlier_answers` that has this request key, also where its time is over; None where there is none."""
    return connection.execute(_FIND, {"key": key}).one_or_none()


def said_then(row: Any) -> Sequence[Any] | None:
    """The parts that an answer had, whose row is joined with that of `earlier_answers`; None where others stand there
    now."""
    said: Sequence[Any] = row.parts[: row.said]
    return said if _digest(said) == row.digest else None


def _digest(said: Sequence[Any]) -> str:
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
