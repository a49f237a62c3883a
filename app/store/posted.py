"""What callers post of a conversation each time besides the question: kept once, as a reference where it is known, else
compressed.

A caller who posts the whole conversation with each question makes a new conversation of it each time. What was posted
before the question is most often what an earlier one holds: what was posted there, its question and its answer. Then
the new one only says which it `follows`, so that a talk of n questions takes n rows and not n². A digest of what was
posted, with the question, finds it.
"""

import json
import zlib
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, select

from app.engine.conversation import ConversationRef
from app.engine.messages import Message
from app.store.parts import message_from_json, parts_to_json
from app.store.tables import conversations, messages, shown

LOOKED_AT = 8  # the same may have been asked many times: the answers to the latest of these are compared
_LEVEL = 1  # a third of the time of the usual one, for a few percent more

_ANSWERS = (
    select(conversations.c.id, messages.c.parts)
    .join(messages, messages.c.conversation_id == conversations.c.id)
    .where(conversations.c.digest == bindparam("digest"), messages.c.role == "assistant", shown)
    .order_by(conversations.c.created_at.desc(), conversations.c.id)
    .limit(LOOKED_AT)
)


def posted_columns(
    connection: Connection, ref: ConversationRef, posted: Sequence[Message], question: Sequence[Message]
) -> dict[str, Any]:
    """What a new conversation's row says of what was `posted` before the `question`."""
    follows = _followed(connection, ref, posted)
    return {
        "digest": _digest(ref, [*posted, *question]),
        "follows": follows,
        "posted": None if follows or not posted else zlib.compress(_json(posted), _LEVEL),
    }


def posted_messages(stored: bytes | None) -> list[Message]:
    """Of the column `posted`."""
    return [message_from_json(role, parts) for role, parts in json.loads(zlib.decompress(stored))] if stored else []


def _followed(connection: Connection, ref: ConversationRef, posted: Sequence[Message]) -> str | None:
    """The conversation of the same owner that holds all of `posted`, its last answer among it; None where none does."""
    if len(posted) < 2 or posted[-1].role != "assistant":
        return None
    rows = connection.execute(_ANSWERS, {"digest": _digest(ref, posted[:-1])})
    return next((row.id for row in rows if message_from_json("assistant", row.parts).text == posted[-1].text), None)


def _digest(ref: ConversationRef, said: Sequence[Message]) -> str:
    return sha256(json.dumps([ref.owner, ref.wire, ref.agent]).encode() + _json(said)).hexdigest()


def _json(said: Sequence[Message]) -> bytes:
    return json.dumps([[message.role, parts_to_json(message)] for message in said]).encode()
