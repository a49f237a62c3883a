"""Results of tools that run at the caller's, brought one by one while an answer waits for them. The answer goes on when
its caller asks for that: the rewind "continue" (app/engine/conversation.py)."""

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, literal_column, select, update

from app.engine.errors import ChatError, Problem
from app.engine.messages import ToolResultPart
from app.store import parts
from app.store.database import Database
from app.store.messages import stored_message
from app.store.rewinds import calls_of, waits
from app.store.row_locks import lock_row
from app.store.tables import conversations, messages
from app.store.trips import unanswered

# The last message, also while it is an answer that is being made.
_LAST = (
    select(messages)
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.status != literal_column("'superseded'"),
    )
    .order_by(messages.c.sequence.desc())
    .limit(1)
)


class ToolResultStore:
    """Of conversations that are known to be the caller's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, conversation_id: str, call_id: str, result: Any, tools: Collection[str]) -> None:
        """Store the result (any JSON) of a call of the caller's `tools`, for which the last answer waits. The same
        result once more changes nothing, whatever has become of the answer meanwhile.

        Raises ChatError: MESSAGE_NOT_FOUND where no such call waits, CHANGED where it has another result already.
        """

        def work(connection: Connection) -> None:
            lock_row(connection, conversations.c.id, conversation_id)
            row = connection.execute(_LAST, {"conversation": conversation_id}).one_or_none()
            if row is None or row.role != "assistant":
                raise ChatError(Problem.MESSAGE_NOT_FOUND)
            answer = stored_message(row)
            name = calls_of(answer.message, tools).get(call_id)
            if name is None:
                raise ChatError(Problem.MESSAGE_NOT_FOUND)
            for part in answer.message.parts:
                if isinstance(part, ToolResultPart) and part.call_id == call_id:
                    if part.is_error or not _same(part.result, result):
                        raise ChatError(Problem.CHANGED)
                    return
            if not waits(answer):
                raise ChatError(Problem.MESSAGE_NOT_FOUND)
            brought = ToolResultPart(call_id, name, result, is_error=False)
            message = replace(answer.message, parts=(*answer.message.parts, brought))
            written = parts.parts_to_json(message)
            connection.execute(unanswered(update(messages).where(messages.c.id == answer.id).values(parts=written)))

        self._database.write(work)

    def last_answer(self, conversation_id: str) -> str | None:
        """The id of the conversation's last message where that is an answer, also one that is being made."""
        row = self._database.read(
            lambda connection: connection.execute(_LAST, {"conversation": conversation_id}).one_or_none()
        )
        return row.id if row is not None and row.role == "assistant" else None


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: to Python, true is 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
