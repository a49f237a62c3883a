"""Questions that their callers ask again with the same Idempotency-Key, since they do not know what became of them
(draft-ietf-httpapi-idempotency-key-header-07): they get the answer that was made, or is being made."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from app.engine.conversation import QuestionEntry, RequestKey, Rewind
from app.engine.errors import ChatError, Problem, RepeatedError
from app.store.tables import messages, now, shown

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
_FREE = (
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


def unless_repeated(connection: Connection, entry: QuestionEntry, request_key: RequestKey) -> QuestionEntry:
    """The entry as it is to be stored. Raises RepeatedError where the same was asked with this key, ChatError(REUSED)
    where something else was.

    A key is free again after KEPT_MILLISECONDS, and where its answer failed without a word, was broken off without one
    that is kept, and cost nothing, or has made room for another. The same question after no answer is not stored again.
    """
    row = connection.execute(_FIND, {"key": request_key.key}).one_or_none()
    if row is None:
        return entry
    is_the_same, is_old = row.fingerprint == request_key.fingerprint, row.asked_again_until < now()
    is_lost = row.status == "interrupted" and not row.credits
    is_none = not row.parts and (row.status == "failed" or is_lost)
    if is_none or is_old or row.status == "superseded":
        connection.execute(_FREE, {"key": request_key.key})
        is_asked_anew = is_none and is_the_same and not is_old
        return _asked_anew(connection, entry, row) if is_asked_anew else entry
    if not is_the_same:
        raise ChatError(Problem.REUSED)
    raise RepeatedError(row.id)


def _asked_anew(connection: Connection, entry: QuestionEntry, answer: Any) -> QuestionEntry:
    """Its question is answered again, if it ends its conversation, for which its caller may have no name."""
    if connection.execute(_LAST, {"conversation": answer.conversation_id}).scalar() != answer.id:
        return entry
    conversation = replace(entry.conversation, id=answer.conversation_id)
    return replace(entry, conversation=conversation, rewind=Rewind("retry", (answer.id,)))
