"""Questions that their callers ask again with the same Idempotency-Key, since they do not know what became of them
(draft-ietf-httpapi-idempotency-key-header-07): they get the answer that was made, or is being made."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Text, bindparam, func, select, update

from app.engine.conversation import GOING_ON, QuestionEntry, RequestKey, Rewind
from app.engine.errors import ChatError, Problem, RepeatedError
from app.store.earlier_answers import find_earlier
from app.store.parts import message_from_json
from app.store.rewinds import brought_parts
from app.store.tables import messages, now, shown
from app.store.trips import unanswered

KEPT_MILLISECONDS = 24 * 3600 * 1000  # by the wall clock: how long a key is known

_FIND = select(
    messages.c.id,
    messages.c.conversation_id,
    messages.c.fingerprint,
    messages.c.status,
    messages.c.parts,
    messages.c.credits,
    messages.c.asked_again_until,
).where(messages.c.request_key == bindparam("key"))
# Until the transaction ends: who asks the same at the same moment waits, and finds what the first has stored.
_ONE_BY_ONE = unanswered(select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key", type_=Text), 0))))
_FREE = unanswered(
    update(messages)
    .where(messages.c.request_key == bindparam("key"))
    .values(request_key=None, fingerprint=None, asked_again_until=None)
)
_LAST = (
    select(messages.c.id)
    .where(messages.c.conversation_id == bindparam("conversation"), shown)
    .order_by(messages.c.sequence.desc())
    .limit(1)
)


def repeatable_columns(request_key: RequestKey | None) -> dict[str, Any]:
    """What the row of an answer says of the request that it answers."""
    if request_key is None:
        return {"request_key": None, "fingerprint": None, "asked_again_until": None}
    until = now() + KEPT_MILLISECONDS
    return {"request_key": request_key.key, "fingerprint": request_key.fingerprint, "asked_again_until": until}


def refuse_repeated(connection: Connection, entry: QuestionEntry, request_key: RequestKey) -> Any:
    """Raises RepeatedError where the same was asked with this key, ChatError(REUSED) where something else was.

    A key is free again after KEPT_MILLISECONDS, and where its answer failed without a word, or was broken off without
    one that is kept, and cost nothing. Where that has made room for another, or has gone on, it is settled: whatever
    became of it is the key's. Returns the row that the key is still to be taken from.
    """
    row = connection.execute(_FIND, {"key": request_key.key}).one_or_none()
    if row is None:
        row = find_earlier(connection, request_key.key)
        if row is None or _is_old(row):
            return None
        answer_id = row.answer_id
    elif _is_old(row) or (row.status != "superseded" and _is_none(row, entry)):
        return row
    else:
        answer_id = row.id
    if row.fingerprint != request_key.fingerprint:
        raise ChatError(Problem.REUSED)
    raise RepeatedError(answer_id)


def unless_repeated(connection: Connection, entry: QuestionEntry, request_key: RequestKey) -> QuestionEntry:
    """The entry as it is to be stored: the same question after no answer is not stored again. Raises as
    `refuse_repeated` does."""
    if connection.dialect.name != "sqlite":  # whose writers come one after the other anyway
        connection.execute(_ONE_BY_ONE, {"key": request_key.key})
    row = refuse_repeated(connection, entry, request_key)
    if row is None:
        return entry
    connection.execute(_FREE, {"key": request_key.key})
    goes_on = entry.rewind and entry.rewind.kind in GOING_ON
    if goes_on or _is_old(row) or row.fingerprint != request_key.fingerprint:
        return entry
    return _asked_anew(connection, entry, row)


def _is_old(row: Any) -> bool:
    return bool(row.asked_again_until < now())


def _is_none(row: Any, entry: QuestionEntry) -> bool:
    """Whether it is no answer: it has said nothing since it began, or went on."""
    is_lost = row.status == "interrupted" and not row.credits
    return (row.status == "failed" or is_lost) and len(row.parts) <= _said_before(row, entry)


def _said_before(row: Any, entry: QuestionEntry) -> int:
    if entry.rewind and entry.rewind.kind in GOING_ON:
        return brought_parts(message_from_json("assistant", row.parts), entry.rewind.client_tools)
    return entry.said_before


def _asked_anew(connection: Connection, entry: QuestionEntry, answer: Any) -> QuestionEntry:
    """Its question is answered again, if it ends its conversation, for which its caller may have no name."""
    if connection.execute(_LAST, {"conversation": answer.conversation_id}).scalar() != answer.id:
        return entry
    conversation = replace(entry.conversation, id=answer.conversation_id)
    return replace(entry, conversation=conversation, rewind=Rewind("retry", (answer.id,)))
