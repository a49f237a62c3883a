"""Messages as the stores return them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, select

from app.engine.messages import Mark, Message, Usage
from app.engine.prompt import estimated_tokens, normalized
from app.engine.retries import without_tries
from app.store.compiled import Compiled
from app.store.pages import Page, fetch_page, json_bytes
from app.store.parts import message_from_json
from app.store.tables import messages, shown

MOST_TRIES = 200  # rows of failed tries that are read beside the messages that a prompt may have

_BEHIND_ALL = 2**31 - 1  # a sequence number
_STEP = 32  # rows that PostgreSQL sends at once

_NEWEST_FIRST = Compiled(
    select(messages.c.role, messages.c.parts, messages.c.status, messages.c.sequence)
    .where(messages.c.conversation_id == bindparam("conversation"), messages.c.sequence < bindparam("before"), shown)
    .order_by(messages.c.sequence.desc())
    .limit(bindparam("limit"))
)

Feedback = Literal["positive", "negative"]


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message and its row. `sequence` counts from 1 in its conversation; `created_at` is in epoch milliseconds.

    `status` is complete, interrupted, failed or superseded: an answer that is being made is never returned. `feedback`,
    `finish_reason`, `credits` (what it cost), `model` and `mark` are None but for an answer. `usage` is 0 but for an
    answer whose tokens were counted.
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
    usage: Usage = field(default_factory=Usage)
    mark: Mark | None = None


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
        usage=Usage(row.prompt_tokens or 0, row.completion_tokens or 0),
        mark=row.mark,
    )


def latest_messages(
    connection: Connection, conversation_id: str, limit: int, before: int | None = None
) -> Page[StoredMessage]:
    """The page of the conversation's last messages, at most `limit`, oldest first, without superseded ones and
    an answer that is being made; with `before`, of those with a lower sequence number."""
    query = select(messages, json_bytes(messages.c.parts)).where(messages.c.conversation_id == conversation_id, shown)
    if before is not None:
        query = query.where(messages.c.sequence < before)
    query = query.order_by(messages.c.sequence.desc())
    page = fetch_page(connection, query, limit, attrgetter("json_bytes"), stored_message)
    return replace(page, items=page.items[::-1])


def history_of(
    connection: Connection, conversation_id: str, most: int, tokens: int, question: str | None = None
) -> list[Message]:
    """The last messages of the conversation, at most `most`, oldest first, without failed tries at a question that was
    asked again, be it the `question` of now; no more than those with which a prompt exceeds so many `tokens`.

    Hardly more is read than a prompt has room for.
    """
    if not most:
        return []
    newest_first: list[Message] = []
    stored = (
        (message_from_json(row.role, row.parts), row.status == "failed")
        for row in _rows_newest_first(connection, conversation_id, most + MOST_TRIES)
    )
    for message in without_tries(stored, question):
        newest_first.append(message)
        tokens -= estimated_tokens(normalized(message))
        if tokens < 0 or len(newest_first) == most:
            break
    return newest_first[::-1]


def _rows_newest_first(connection: Connection, conversation_id: str, most: int) -> Iterator[Any]:
    """At most so many. SQLite's are fetched one by one, PostgreSQL's _STEP at a time."""
    step = most if connection.dialect.name == "sqlite" else _STEP
    before, read = _BEHIND_ALL, 0
    while read < most:
        limit, count = min(step, most - read), 0
        values = {"conversation": conversation_id, "before": before, "limit": limit}
        for row in _NEWEST_FIRST.rows(connection, values):
            yield row
            before, count = row.sequence, count + 1
        read += count
        if count < limit:
            return
