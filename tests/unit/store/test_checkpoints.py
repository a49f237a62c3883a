"""What long answers have said is saved while they run, and stays when their worker dies, with what it costs."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from support.database import rows

from app.engine.conversation import Charge, ConversationRef, QuestionEntry
from app.engine.errors import ChatError
from app.engine.messages import AnswerRecord, Message, TextPart, Usage, text_message
from app.store.answer_states import AnswerStates
from app.store.checkpoints import Checkpoints
from app.store.conversations import ConversationStore
from app.store.keys import KeyStore
from app.store.workers import Worker, bury_dead_workers


@dataclass
class Saying:
    """A turn, as far as it is saved."""

    answer_id: str | None
    text: str = ""
    price: int = 2

    @property
    def said_bytes(self) -> int:
        return len(self.text)

    def record_so_far(self) -> AnswerRecord:
        said = Message("assistant", (TextPart(self.text),))
        return AnswerRecord(said, "interrupted", "other", Usage(), "m", self.price)


@dataclass
class Turns:
    """The running turns."""

    turns: list[Saying] = field(default_factory=list)

    def all(self) -> list[Saying]:
        return self.turns


@pytest.fixture
def other(tmp_path) -> Worker:
    worker = Worker(tmp_path / "workers")
    worker.claim()
    return worker


def begin(database: Any, worker: Worker, answer: str, account: str | None = None) -> str:
    ids: list[str] = []
    ref = ConversationRef("demo", "widget", "key:1", answer)
    charge = Charge(account, 3) if account else None
    entry = QuestionEntry(ref, {f"q{answer}": text_message("user", "x")}, 9, answer, charge=charge)
    ConversationStore(database, worker).add_question(entry, ids.append)
    return ids[0]


def test_what_was_said_is_read_while_it_runs_and_is_no_history(database, other) -> None:
    conversation = begin(database, other, "a1")
    turns = Turns([Saying("a1", "so far"), Saying(None, "nothing yet"), Saying("a2")])
    Checkpoints(database, other, turns).save()  # type: ignore[arg-type]
    found = AnswerStates(database).latest(conversation)
    assert found
    assert (found.status, found.message.text, found.question_id) == ("running", "so far", "qa1")


def test_only_what_has_gone_on_is_written_again(database, other) -> None:
    begin(database, other, "a1")
    turns = Turns([Saying("a1", "so far")])
    checkpoints = Checkpoints(database, other, turns)  # type: ignore[arg-type]
    checkpoints.save()
    database.write(lambda connection: connection.exec_driver_sql("UPDATE messages SET model = 'mine' WHERE id = 'a1'"))
    checkpoints.save()
    assert rows(database, "SELECT model FROM messages WHERE id = 'a1'") == [("mine",)]
    turns.turns[0].text += " and further"
    checkpoints.save()
    assert rows(database, "SELECT model, parts -> 0 ->> 'text' FROM messages WHERE id = 'a1'") == [
        ("m", "so far and further")
    ]


def test_an_answer_that_has_ended_is_not_written_over(database, other) -> None:
    conversation = begin(database, other, "a1")
    whole = AnswerRecord(Message("assistant", (TextPart("whole"),)), "complete", "stop", Usage(), "m")
    ConversationStore(database, other).add_answer(conversation, "a1", whole)
    Checkpoints(database, other, Turns([Saying("a1", "part")])).save()  # type: ignore[arg-type]
    assert rows(database, "SELECT status, parts -> 0 ->> 'text' FROM messages WHERE id = 'a1'") == [
        ("complete", "whole")
    ]


def test_who_dies_leaves_what_was_saved_and_its_price_is_paid_once(database, other, tmp_path) -> None:
    KeyStore(database).create("secret", "demo", budget=10)
    account = rows(database, "SELECT id FROM keys")[0][0]
    for answer in ("a1", "a2", "a3"):
        begin(database, other, answer, account)
    Checkpoints(database, other, Turns([Saying("a1", "so far"), Saying("a2", "too", 1)])).save()  # type: ignore[arg-type]
    (tmp_path / "workers" / other.id).unlink()
    successor = Worker(tmp_path / "workers")
    successor.claim()
    for _ in range(2):
        bury_dead_workers(database, successor)
    saved = "SELECT id, status, parts -> 0 ->> 'text', credits, held, due FROM messages WHERE role = 'assistant'"
    assert rows(database, f"{saved} ORDER BY id") == [
        ("a1", "interrupted", "so far", 2, 0, 0),
        ("a2", "interrupted", "too", 1, 0, 0),
        ("a3", "interrupted", None, 0, 0, 0),
    ]
    assert rows(database, "SELECT spent FROM keys") == [(3,)]
    with pytest.raises(ChatError, match="lost"):
        ConversationStore(database, other).add_answer("c", "a1", Saying("a1", "late").record_so_far())
