"""Questions that their callers ask again with the same Idempotency-Key, since they do not know what became of them
(draft-ietf-httpapi-idempotency-key-header-07): they get the answer that was made, or is being made."""

from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from app.engine.conversation import RequestKey
from app.engine.errors import ChatError, Problem, RepeatedError
from app.store.tables import messages, now

KEPT_MILLISECONDS = 24 * 3600 * 1000  # by the wall clock: how long a key is known

_FIND = select(
    messages.c.id,
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


def repeatable_columns(request_key: RequestKey | None) -> dict[str, Any]:
    """What the row of an answer says of the request that it answers."""
    if request_key is None:
        return {"request_key": None, "fingerprint": None, "asked_again_until": None}
    until = now() + KEPT_MILLISECONDS
    return {"request_key": request_key.key, "fingerprint": request_key.fingerprint, "asked_again_until": until}


def refuse_repeated(connection: Connection, request_key: RequestKey) -> None:
    """Raises RepeatedError where the same was asked with this key, ChatError(REUSED) where something else was. A key is
    free again after KEPT_MILLISECONDS, and where its answer failed without a word, was broken off without one that is
    kept, and cost nothing, or has made room for another."""
    row = connection.execute(_FIND, {"key": request_key.key}).one_or_none()
    if row is None:
        return
    is_lost = row.status == "interrupted" and not row.credits
    is_none = not row.parts and (row.status == "failed" or is_lost)
    if is_none or row.status == "superseded" or row.asked_again_until < now():
        connection.execute(_FREE, {"key": request_key.key})
        return
    if row.fingerprint != request_key.fingerprint:
        raise ChatError(Problem.REUSED)
    raise RepeatedError(row.id)
