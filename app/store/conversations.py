"""Questions as turns write them, with the conversations that they make or continue, and the rows of their answers
(answers.py), which run from then on."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.engine.conversation import GOING_ON, Charge, ConversationRef, QuestionEntry, StoredQuestion
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord, Message
from app.store import parts
from app.store.answers import check_budget, end_answer, give_up_answer, running_columns, settle
from app.store.compiled import Compiled
from app.store.database import Database
from app.store.happenings import answer_ended, question_asked
from app.store.messages import history_of
from app.store.outbox import Outbox
from app.store.posted import posted_columns
from app.store.refused_budgets import RefusedBudgets
from app.store.repeated import refuse_repeated, repeatable_columns, unless_repeated
from app.store.rewinds import RewindResult, apply_rewind, resumed_id
from app.store.tables import conversations, messages, now, running
from app.store.trips import unanswered
from app.store.workers import Worker

TITLE_LENGTH = 80
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_IN_SCOPE = select(
    *(conversations.c.id, conversations.c.state, conversations.c.end_user, conversations.c.title),
    exists().where(messages.c.conversation_id == conversations.c.id, running).label("busy"),
).where(
    conversations.c.owner == bindparam("owner"),
    conversations.c.wire == bindparam("wire"),
    conversations.c.agent == bindparam("agent"),
)
# Locked: what is read of it stays so until the question is stored. Messages may be added, as to any locked row.
_BY_EXTERNAL_ID = Compiled(
    _IN_SCOPE.where(conversations.c.external_id == bindparam("external_id")).with_for_update(
        of=conversations, key_share=True
    )
)
_BY_ID = Compiled(
    _IN_SCOPE.where(conversations.c.id == bindparam("id")).with_for_update(of=conversations, key_share=True)
)
_CREATE = unanswered(insert(conversations))
_NAMES = ["id", "agent", "wire", "owner", "external_id", "end_user", "title", "created_at", "updated_at"]
_CREATE_EMPTY = Compiled(_CREATE, _NAMES)
_THE_CONVERSATION = update(conversations).where(conversations.c.id == bindparam("conversation"))
_TOUCH = Compiled(unanswered(_THE_CONVERSATION.values(updated_at=bindparam("time"))))
_SET_TITLE = Compiled(unanswered(_THE_CONVERSATION.values(title=bindparam("name"))))
# Numbers the row behind the last one; one conversation has one writer at a time.
_LAST = select(func.max(messages.c.sequence)).where(messages.c.conversation_id == bindparam("conversation"))
_CLAIM = [*running_columns("", None)]
_APPEND = Compiled(
    unanswered(
        insert(messages).values(
            conversation_id=bindparam("conversation"), sequence=func.coalesce(_LAST.scalar_subquery(), 0) + 1
        )
    ),
    ["id", "role", "parts", "external_id", "created_at", *_CLAIM],
)


class ConversationStore:
    """Implements the engine's `Conversations` port, whose docstrings say what is raised; `worker` makes the answers,
    and the `outbox` says what webhooks are told.

    It keeps no answer that could not be stored: `RetryingStore` does.
    """

    def __init__(self, database: Database, worker: Worker, outbox: Outbox | None = None) -> None:
        self._database = database
        self._worker = worker
        self._outbox = outbox or Outbox()
        self._refused = RefusedBudgets(database, self._outbox)

    def add_question(self, entry: QuestionEntry, admit: Callable[[str], None]) -> StoredQuestion:
        """See the port. In one transaction, so that no answer is stored between the history and the question."""
        try:
            claim = running_columns(self._worker.claim(), entry.charge, entry.request_key, entry.kept)
        except OSError as error:  # without its file this worker would be taken for dead
            raise ChatError(Problem.STORE_UNAVAILABLE) from error
        try:
            return self._database.write(
                lambda connection: _store_question(connection, self._outbox, entry, admit, claim)
            )
        except IntegrityError as error:  # a concurrent request has made or claimed this conversation first
            raise ChatError(Problem.BUSY) from error
        except ChatError as error:
            if error.problem is Problem.EXHAUSTED and entry.charge:
                self._refused.tell(entry.charge.account)
            raise

    def refuse_repeated(self, entry: QuestionEntry) -> None:
        """See the port."""
        key = entry.request_key
        if key:
            self._database.read(lambda connection: refuse_repeated(connection, entry, key))

    def add_answer(
        self, conversation_id: str, answer_id: str, answer: AnswerRecord, charge: Charge | None = None
    ) -> None:
        """See the port."""

        def work(connection: Connection) -> None:
            _TOUCH.run(connection, {"conversation": conversation_id, "time": now()})  # locks it, before its message
            if end_answer(connection, self._worker.id, answer_id, answer):
                settle(connection, charge, answer)
                answer_ended(self._outbox, connection, conversation_id, answer_id, answer=answer, charge=charge)

        self._database.write(work)

    def give_up_answer(self, *answer_ids: str) -> None:
        """End answers as interrupted, with what was stored of them before; they cost nothing. Again is harmless."""

        def work(connection: Connection) -> None:
            for answer_id in sorted(answer_ids):
                give_up_answer(connection, self._worker.id, answer_id)

        self._database.write(work)

    def abandon(self, entry: QuestionEntry) -> None:
        """See the port."""
        self.give_up_answer(answer_id_of(entry))


def answer_id_of(entry: QuestionEntry) -> str:
    """The id of the answer that the question asks for, which is a new one or goes on."""
    rewind = entry.rewind
    return resumed_id(rewind) if rewind and rewind.kind in GOING_ON else entry.answer_id


def _store_question(
    connection: Connection,
    outbox: Outbox,
    entry: QuestionEntry,
    admit: Callable[[str], None],
    claim: Mapping[str, Any],
) -> StoredQuestion:
    if entry.request_key:
        entry = unless_repeated(connection, entry, entry.request_key)
    existing = _find(connection, entry.conversation)
    conversation_id = existing.id if existing else uuid.uuid4().hex
    _check(connection, existing, entry.charge, lambda: admit(conversation_id))
    rewound = None
    if existing and entry.rewind:
        rewound = apply_rewind(connection, conversation_id, entry.rewind, entry.messages, claim)
    if rewound is None and not entry.messages:
        raise ChatError(Problem.MESSAGE_NOT_FOUND)
    time = now()
    if existing:
        _touch(connection, existing, entry.messages, time)
    else:
        _create(connection, conversation_id, entry, time)
    history = _history(connection, conversation_id, entry, rewound) if existing else []
    end_user = existing.end_user if existing else entry.conversation.end_user
    if rewound and rewound.resumed:
        before = rewound.resumed
        usage, cost, created = before.usage, before.credits or 0, before.created_at
        return StoredQuestion(history, rewound.question_id, before.id, end_user, created, before.message, cost, usage)
    answer = {"id": entry.answer_id, "role": "assistant", "parts": [], "external_id": None, **claim}
    if rewound:
        _append(connection, conversation_id, [answer], time)
        return StoredQuestion(history, rewound.question_id, entry.answer_id, end_user, time)
    rows = _question_rows(entry)
    question_asked(outbox, connection, entry, conversation_id, end_user, is_new=existing is None)
    _append(connection, conversation_id, [*rows, answer], time)
    return StoredQuestion([*history, *entry.messages.values()], rows[-1]["id"], entry.answer_id, end_user, time)


def _history(
    connection: Connection, conversation_id: str, entry: QuestionEntry, rewound: RewindResult | None
) -> list[Message]:
    """What the model sees before the new messages; after a rewind the question that is answered is stored already."""
    new = [] if rewound else [*entry.messages.values()]
    question = new[0].text if len(new) == 1 else None
    return history_of(connection, conversation_id, entry.history, entry.history_tokens, question)


def _check(connection: Connection, existing: Any, charge: Charge | None, admit: Callable[[], None]) -> None:
    """Raises ChatError: NOT_ONGOING, what `admit` raises, BUSY, EXHAUSTED."""
    if existing and existing.state != "ongoing":
        raise ChatError(Problem.NOT_ONGOING)
    admit()
    if existing and existing.busy:
        raise ChatError(Problem.BUSY)
    if charge and charge.held:
        check_budget(connection, charge)


def _question_rows(entry: QuestionEntry) -> list[dict[str, Any]]:
    """Rows of `messages`, but for their conversation, sequence and time, which `_append` adds."""
    no_claim = {"worker": None, "payer": None, "held": 0, "request": None, **repeatable_columns(None)}
    rows = [
        {
            "id": message_id,
            "role": message.role,
            "parts": parts.parts_to_json(message),
            "external_id": None,
            "status": "complete",
            **no_claim,
        }
        for message_id, message in entry.messages.items()
    ]
    rows[-1]["external_id"] = entry.external_id
    return rows


def _find(connection: Connection, ref: ConversationRef) -> Any:
    """The conversation's row, None where it is to be created. Raises ChatError(NOT_FOUND) for an unknown `ref.id`."""
    scope = {"owner": ref.owner, "wire": ref.wire, "agent": ref.agent}
    if ref.id:
        row = _BY_ID.one_or_none(connection, {**scope, "id": ref.id})
        if row is None:
            raise ChatError(Problem.NOT_FOUND)
        return row
    if not ref.external_id:
        return None
    row = _BY_EXTERNAL_ID.one_or_none(connection, {**scope, "external_id": ref.external_id})
    if row is None and _UUID.fullmatch(ref.external_id):  # a caller may use the id that we gave the conversation
        row = _BY_ID.one_or_none(connection, {**scope, "id": ref.external_id.replace("-", "")})
    return row


def _touch(connection: Connection, existing: Any, new: Mapping[str, Message], time: int) -> None:
    """The conversation is active now, and has a title from now on."""
    _TOUCH.run(connection, {"conversation": existing.id, "time": time})
    if existing.title is None:
        _SET_TITLE.run(connection, {"conversation": existing.id, "name": _title([*new.values()])})


def _create(connection: Connection, conversation_id: str, entry: QuestionEntry, time: int) -> None:
    ref = entry.conversation
    row = {
        "id": conversation_id,
        "agent": ref.agent,
        "wire": ref.wire,
        "owner": ref.owner,
        "external_id": ref.external_id,
        "end_user": ref.end_user,
        "title": _title([*(entry.posted or ()), *entry.messages.values()]),
        "created_at": time,
        "updated_at": time,
    }
    if entry.posted is None:
        _CREATE_EMPTY.run(connection, row)
        return
    row |= posted_columns(connection, ref, entry.posted, [*entry.messages.values()])
    connection.execute(_CREATE, row)


def _title(said: Sequence[Message]) -> str | None:
    """The first question, cut at a blank where it has more than TITLE_LENGTH characters; None where it has no text."""
    asked = next((message.text for message in said if message.role == "user"), "")
    text = " ".join(asked.split(None, TITLE_LENGTH)[:TITLE_LENGTH])  # as many words are longer in any case
    if len(text) <= TITLE_LENGTH:
        return text or None
    return text[:TITLE_LENGTH].rsplit(" ", 1)[0] + "…"


def _append(connection: Connection, conversation_id: str, rows: Sequence[dict[str, Any]], time: int) -> None:
    _APPEND.run_each(connection, [{**row, "conversation": conversation_id, "created_at": time} for row in rows])
