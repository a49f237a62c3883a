"""What turns write: questions, answers, and the holds and charges of the keys that pay for them."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.engine.conversation import Charge, ConversationRef, QuestionEntry, StoredQuestion
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord, Message
from app.store import parts
from app.store.database import Database
from app.store.rewinds import apply_rewind, extend_answer
from app.store.tables import conversations, keys, messages, now

TITLE_LENGTH = 80
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Built once: building a statement costs more than running it.
_IN_SCOPE = select(conversations.c.id, conversations.c.state, conversations.c.end_user, conversations.c.title).where(
    conversations.c.owner == bindparam("owner"),
    conversations.c.wire == bindparam("wire"),
    conversations.c.agent == bindparam("agent"),
)
_BY_EXTERNAL_ID = _IN_SCOPE.where(conversations.c.external_id == bindparam("external_id"))
_BY_ID = _IN_SCOPE.where(conversations.c.id == bindparam("id"))
_CREATE = insert(conversations)
_TOUCH = (
    update(conversations).where(conversations.c.id == bindparam("conversation")).values(updated_at=bindparam("time"))
)
_SET_TITLE = (
    update(conversations).where(conversations.c.id == bindparam("conversation")).values(title=bindparam("name"))
)
_LATEST = (
    select(messages.c.role, messages.c.parts)
    .where(messages.c.conversation_id == bindparam("conversation"), messages.c.status != "superseded")
    .order_by(messages.c.sequence.desc())
    .limit(bindparam("limit"))
)
# Numbers the row behind the last one; one conversation has one writer at a time.
_APPEND = insert(messages).values(
    conversation_id=bindparam("conversation"),
    sequence=select(func.coalesce(func.max(messages.c.sequence), 0) + 1)
    .where(messages.c.conversation_id == bindparam("conversation"))
    .scalar_subquery(),
)
_HOLD = (
    update(keys)
    .where(keys.c.id == bindparam("account"), keys.c.spent + keys.c.held + bindparam("cost") <= keys.c.credits)
    .values(held=keys.c.held + bindparam("cost"))
)
_SETTLE = (
    update(keys)
    .where(keys.c.id == bindparam("account"))
    .values(
        spent=keys.c.spent + bindparam("cost"),
        held=case((keys.c.held > bindparam("was_held"), keys.c.held - bindparam("was_held")), else_=0),
    )
)


class ConversationStore:
    """Implements the engine's `Conversations` port, whose docstrings say what is raised."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_question(self, entry: QuestionEntry, admit: Callable[[str], None]) -> StoredQuestion:
        """See the port. In one transaction, so that no answer is stored between the history and the question."""
        rows = [_row(message_id, message, status="complete") for message_id, message in entry.messages.items()]
        if rows:
            rows[-1]["external_id"] = entry.external_id

        def work(connection: Connection) -> StoredQuestion:
            existing = _find(connection, entry.conversation)
            if existing and existing.state != "ongoing":
                raise ChatError(Problem.NOT_ONGOING)
            conversation_id = existing.id if existing else uuid.uuid4().hex
            admit(conversation_id)
            if entry.charge and entry.charge.held:
                _hold(connection, entry.charge)
            rewound = None
            if existing and entry.rewind:
                rewound = apply_rewind(connection, conversation_id, entry.rewind, entry.messages)
            if rewound is None and not rows:
                raise ChatError(Problem.MESSAGE_NOT_FOUND)
            time = now()
            if existing:
                connection.execute(_TOUCH, {"conversation": conversation_id, "time": time})
                if existing.title is None:
                    connection.execute(_SET_TITLE, {"conversation": conversation_id, "name": _title(entry.messages)})
            else:
                _create(connection, conversation_id, entry, time)
            resumes = rewound is not None and rewound.resumed is not None
            history = _latest(connection, conversation_id, entry.history + resumes) if existing else []
            end_user = existing.end_user if existing else entry.conversation.end_user
            if rewound:
                history = history[:-1] if resumes else history  # the resumed answer is the last of them
                return StoredQuestion(history, rewound.question_id, end_user, rewound.resumed, rewound.cost_before)
            _append(connection, conversation_id, rows, time)
            return StoredQuestion([*history, *entry.messages.values()], rows[-1]["id"], end_user)

        return self._database.write(work)

    def add_answer(
        self, conversation_id: str, answer_id: str, answer: AnswerRecord, charge: Charge | None = None, *, resumed: bool
    ) -> None:
        """See the port."""
        row = _row(
            answer_id,
            answer.message,
            status=answer.status,
            finish_reason=answer.finish_reason,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
            model=answer.model,
            credits=answer.credits,
        )

        def work(connection: Connection) -> None:
            time = now()
            exists = connection.execute(_TOUCH, {"conversation": conversation_id, "time": time}).rowcount
            if exists and resumed:
                extend_answer(connection, row)
            elif exists:
                _append(connection, conversation_id, [row], time)
            if charge and (charge.held or answer.credits):
                settled = {"account": charge.account, "cost": answer.credits, "was_held": charge.held}
                connection.execute(_SETTLE, settled)

        self._database.write(work)


def _find(connection: Connection, ref: ConversationRef) -> Any:
    """The conversation's row, None where it is to be created. Raises ChatError(NOT_FOUND) for an unknown `ref.id`."""
    scope = {"owner": ref.owner, "wire": ref.wire, "agent": ref.agent}
    if ref.id:
        row = connection.execute(_BY_ID, {**scope, "id": ref.id}).one_or_none()
        if row is None:
            raise ChatError(Problem.NOT_FOUND)
        return row
    if not ref.external_id:
        return None
    row = connection.execute(_BY_EXTERNAL_ID, {**scope, "external_id": ref.external_id}).one_or_none()
    if row is None and _UUID.fullmatch(ref.external_id):  # a caller may use the id that we gave the conversation
        row = connection.execute(_BY_ID, {**scope, "id": ref.external_id.replace("-", "")}).one_or_none()
    return row


def _hold(connection: Connection, charge: Charge) -> None:
    """Hold credits of the key's budget, in one statement: two questions at once cannot both hold the last ones.

    Raises ChatError(EXHAUSTED).
    """
    if not connection.execute(_HOLD, {"account": charge.account, "cost": charge.held}).rowcount:
        raise ChatError(Problem.EXHAUSTED)


def _create(connection: Connection, conversation_id: str, entry: QuestionEntry, time: int) -> None:
    ref = entry.conversation
    row = {
        "id": conversation_id,
        "agent": ref.agent,
        "wire": ref.wire,
        "owner": ref.owner,
        "external_id": ref.external_id,
        "end_user": ref.end_user,
        "title": _title(entry.messages),
        "created_at": time,
        "updated_at": time,
    }
    try:
        connection.execute(_CREATE, row)
    except IntegrityError as error:
        raise ChatError(Problem.BUSY) from error  # a concurrent request created this conversation first


def _title(new: Mapping[str, Message]) -> str | None:
    """The first question, cut at a blank where it has more than TITLE_LENGTH characters; None where it has no text."""
    text = " ".join(next((message.text for message in new.values() if message.role == "user"), "").split())
    if len(text) <= TITLE_LENGTH:
        return text or None
    return text[:TITLE_LENGTH].rsplit(" ", 1)[0] + "…"


def _row(message_id: str, message: Message, **columns: Any) -> dict[str, Any]:
    """A row of `messages`, but for its conversation, sequence and time, which `_append` adds."""
    return {"id": message_id, "role": message.role, "parts": parts.parts_to_json(message), **columns}


def _append(connection: Connection, conversation_id: str, rows: Sequence[dict[str, Any]], time: int) -> None:
    connection.execute(_APPEND, [{**row, "conversation": conversation_id, "created_at": time} for row in rows])


def _latest(connection: Connection, conversation_id: str, limit: int) -> list[Message]:
    """The last `limit` messages, oldest first, without those that have no parts."""
    rows = connection.execute(_LATEST, {"conversation": conversation_id, "limit": limit}).all() if limit else []
    return [parts.message_from_json(row.role, row.parts) for row in reversed(rows) if row.parts]
