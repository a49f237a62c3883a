"""What happens that webhooks are told of, looked up where one wants to know it (`EVENTS` in webhook_events.py)."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, bindparam, select

from app.engine.conversation import Charge, QuestionEntry
from app.engine.messages import AnswerRecord, Message
from app.store.chats import WIRE_NAME as CHATS
from app.store.outbox import Outbox
from app.store.parts import message_from_json
from app.store.tables import conversations, keys, messages, now
from app.store.webhook_events import MOST_QUESTION

CIRCUIT_MILLISECONDS = 600_000  # within which a model is told of once

MARKS = {"unanswered": "question.unanswered", "handover": "handover.requested"}
"""The event of each mark that an answer may have."""

_CONVERSATION = select(conversations.c.agent, conversations.c.wire, conversations.c.end_user).where(
    conversations.c.id == bindparam("conversation")
)
_ANY = select(messages.c.id).where(messages.c.conversation_id == bindparam("conversation")).limit(1)
_SEQUENCE = select(messages.c.sequence).where(messages.c.id == bindparam("answer")).scalar_subquery()
_ASKED = (
    select(messages.c.id, messages.c.parts)
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.sequence < _SEQUENCE,
        messages.c.role == "user",
    )
    .order_by(messages.c.sequence.desc())
    .limit(1)
)
_KEY = select(keys.c.name, keys.c.agent, keys.c.credits, keys.c.spent).where(keys.c.id == bindparam("account"))


def question_asked(
    outbox: Outbox,
    connection: Connection,
    entry: QuestionEntry,
    conversation_id: str,
    end_user: str | None,
    *,
    is_new: bool,
) -> None:
    """Where it is the first one of its conversation, which may be new. Before its messages are added."""
    if not outbox.wants("conversation.started") or not _is_first(connection, entry, conversation_id, is_new=is_new):
        return
    ref = entry.conversation
    question_id, said = [*entry.messages.items()][-1]
    data = _conversation(conversation_id, ref.agent, ref.wire, end_user) | _question(question_id, said)
    outbox.add(connection, "conversation.started", [ref.agent], data, conversation=conversation_id)


def _is_first(connection: Connection, entry: QuestionEntry, conversation_id: str, *, is_new: bool) -> bool:
    """A chat may be made empty, and what the caller brings may be a whole talk."""
    if is_new:
        return not entry.answered_before
    return entry.conversation.wire == CHATS and not connection.execute(_ANY, {"conversation": conversation_id}).first()


def answer_ended(
    outbox: Outbox,
    connection: Connection,
    conversation_id: str,
    answer_id: str,
    *,
    answer: AnswerRecord,
    charge: Charge | None,
) -> None:
    """Where it has a mark, or has used up a budget. That a question asks for a person is told with the answer's first
    round alone: callers who run its tools bring it again with their results."""
    if answer.mark and not (answer.mark == "handover" and answer.goes_on):
        told_of_answer(outbox, connection, MARKS[answer.mark], conversation_id, answer_id)
    if charge and charge.held and answer.credits:
        budget_exhausted(outbox, connection, charge.account, refused=False)


def told_of_answer(outbox: Outbox, connection: Connection, event: str, conversation_id: str, answer_id: str) -> None:
    """One of MARKS, once for each question as it is stored, or that it was rated negative."""
    if not outbox.wants(event):
        return
    values = {"conversation": conversation_id, "answer": answer_id}
    about = connection.execute(_CONVERSATION, values).one()
    asked = connection.execute(_ASKED, values).one_or_none()
    data = _conversation(conversation_id, about.agent, about.wire, about.end_user)
    data |= _question(asked.id, message_from_json("user", asked.parts)) if asked else _question(None, None)
    once = asked.id if asked and event in MARKS.values() else None
    data["answer_id"] = answer_id
    outbox.add(connection, event, [about.agent], data, conversation=conversation_id, once=once)


def budget_exhausted(outbox: Outbox, connection: Connection, account: str, *, refused: bool) -> None:
    """Once for each budget of a key: one that has `refused` a question, or that is used up now."""
    if not outbox.wants("budget.exhausted"):
        return
    key = connection.execute(_KEY, {"account": account}).one_or_none()
    if key is None or key.credits is None or not (refused or key.spent >= key.credits):
        return
    data = {"key_id": account, "key_name": key.name, "agent": key.agent, "credits": key.credits, "spent": key.spent}
    outbox.add(connection, "budget.exhausted", [key.agent], data, once=f"{account} {key.credits}")


def circuit_opened(outbox: Outbox, connection: Connection, model: str, agents: Collection[str], seconds: float) -> None:
    """Once in CIRCUIT_MILLISECONDS for each model, whichever workers have noticed."""
    data = {"model": model, "agents": sorted(agents), "seconds": seconds}
    outbox.add(connection, "model.circuit_opened", agents, data, once=f"{model} {now() // CIRCUIT_MILLISECONDS}")


def _conversation(conversation_id: str, agent: str, wire: str, end_user: str | None) -> dict[str, Any]:
    return {"conversation_id": conversation_id, "agent": agent, "channel": wire, "end_user": end_user}


def _question(question_id: str | None, said: Message | None) -> dict[str, Any]:
    return {"question_id": question_id, "question": said.text[:MOST_QUESTION] if said else None}
