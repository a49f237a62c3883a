"""Messages as the stores return them."""

from dataclasses import dataclass
from typing import Any, Literal

from app.engine.messages import Message
from app.store.parts import message_from_json

Feedback = Literal["positive", "negative"]


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message and its row. `sequence` counts from 1 in its conversation; `created_at` is in epoch milliseconds.

    `status` is complete, interrupted, failed or superseded: an answer that is being made is never returned. `feedback`,
    `finish_reason`, `credits` (what it cost) and `model` are None but for an answer.
    """

    id: str
    sequence: int
    message: Message
    created_at: int
    status: str
    feedback: Feedback | None
    finish_reason: str | None
    credits: int | None
    model: str | None


def stored_message(row: Any) -> StoredMessage:
    """Of a row of the table `messages`."""
    return StoredMessage(
        id=row.id,
        sequence=row.sequence,
        message=message_from_json(row.role, row.parts),
        created_at=row.created_at,
        status=row.status,
        feedback=row.feedback,
        finish_reason=row.finish_reason,
        credits=row.credits,
        model=row.model,
    )
