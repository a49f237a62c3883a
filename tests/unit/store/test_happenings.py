"""Each event, from what happens in the store: its data, when it is told, and when it is not."""

import json
import uuid
from typing import Any

import pytest
from sqlalchemy import text
from support.database import new_store, rows
from support.fakes import problem_of

from app.engine.conversation import Charge, ConversationRef, QuestionEntry, Rewind
from app.engine.errors import Problem
from app.engine.messages import AnswerRecord, Message, TextPart, Usage, text_message
from app.store.chats import ChatStore
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.erasing import Eraser, each_noted, of_end_user
from app.store.happenings import circuit_opened
from app.store.histories import HistoryScope, HistoryStore
from app.store.keys import KeyStore
from app.store.outbox import Outbox, Subscription
from app.store.webhook_events import EVENTS, MOST_QUESTION

REF = ConversationRef("demo", "agents", "key:1", "c1", end_user="ada")
OUTBOX = Outbox([Subscription("desk", EVENTS.keys())])


@pytest.fixture
def store(database) -> ConversationStore:
    made = new_store(database)
    return ConversationStore(database, made._worker, OUTBOX)


def answer(mark: Any = None, cost: int = 0, *, goes_on: bool = False) -> AnswerRecord:
    return AnswerRecord(text_message("assistant", "yes"), "complete", "stop", Usage(3, 2), "m", cost, mark, goes_on)


def asked(store: ConversationStore, said: str = "Where?", ref: ConversationRef = REF, **more: Any) -> tuple[str, str]:
    """The conversation's id, and that of the answer, which runs."""
    ids: list[str] = []
    entry = QuestionEntry(ref, {uuid.uuid4().hex: text_message("user", said)}, 9, uuid.uuid4().hex, **more)
    store.add_question(entry, ids.append)
    return ids[0], entry.answer_id


def told(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """The events and their data, each of which says what the registry says."""
    found = [
        (event, json.loads(payload)["data"])
        for event, payload in rows(database, "SELECT event, payload FROM deliveries ORDER BY created_at, event")
    ]
    assert all({*data} == {*EVENTS[event].data} for event, data in found)
    return found


def test_a_conversation_is_told_of_with_its_first_question(store, database) -> None:
    conversation, answer_id = asked(store, "x" * 5000)
    store.add_answer(conversation, answer_id, answer())
    asked(store, "And then?")
    ((event, data),) = told(database)
    (question_id,) = rows(database, "SELECT id FROM messages WHERE role = 'user' AND sequence = 1")[0]
    assert event == "conversation.started"
    assert data == {
        "conversation_id": conversation,
        "agent": "demo",
        "channel": "agents",
        "end_user": "ada",
        "question_id": question_id,
        "question": "x" * MOST_QUESTION,
    }


def test_a_chat_that_was_made_empty_begins_with_its_first_question(store, database) -> None:
    chat = ChatStore(database).create("demo", "user:1", "u1", "A title")
    ref = ConversationRef("demo", "chats", "user:1", id=chat.id)
    for _ in range(2):
        conversation, answer_id = asked(store, ref=ref)
        store.add_answer(conversation, answer_id, answer())
    ((event, data),) = told(database)
    assert (event, data["conversation_id"], data["end_user"]) == ("conversation.started", chat.id, "u1")


def test_a_talk_that_its_caller_brings_along_does_not_begin_with_each_question(store, database) -> None:
    ref = ConversationRef("demo", "openai", "key:1")
    system = text_message("system", "Be brief.")
    asked(store, ref=ref, posted=[system])
    asked(store, ref=ref, posted=[system], said_before=2, answered_before=True)
    asked(store, ref=ref, answered_before=True)
    assert len(told(database)) == 1


def test_a_question_that_is_refused_is_not_told_of(store, database) -> None:
    asked(store)
    assert problem_of(lambda: asked(store)) is Problem.BUSY
    assert len(told(database)) == 1


@pytest.mark.parametrize(("mark", "event"), [("unanswered", "question.unanswered"), ("handover", "handover.requested")])
def test_a_mark_is_told_of_with_the_question_once(store, database, mark, event) -> None:
    conversation, answer_id = asked(store, "Where are you?")
    for _ in range(2):  # a first commit that was taken for a failure
        store.add_answer(conversation, answer_id, answer(mark))
    (found,) = [data for name, data in told(database) if name == event]
    assert (found["question"], found["answer_id"], found["end_user"]) == ("Where are you?", answer_id, "ada")


def test_who_brings_an_answer_to_go_on_with_does_not_ask_for_a_person_again(store, database) -> None:
    ref = ConversationRef("demo", "openai", "key:1")
    for mark, goes_on in [("handover", False), ("handover", True), ("unanswered", True)]:
        conversation, answer_id = asked(store, ref=ref, answered_before=True)
        store.add_answer(conversation, answer_id, answer(mark, goes_on=goes_on))
    assert sorted(event for event, _ in told(database)) == ["handover.requested", "question.unanswered"]


def test_a_question_that_is_answered_anew_has_its_mark_told_once(store, database) -> None:
    conversation, answer_id = asked(store)
    store.add_answer(conversation, answer_id, answer("unanswered"))
    entry = QuestionEntry(REF, {}, 9, uuid.uuid4().hex, rewind=Rewind("retry", (answer_id,)))
    store.add_question(entry, lambda _: None)
    store.add_answer(conversation, entry.answer_id, answer("unanswered"))
    assert [data["answer_id"] for event, data in told(database) if event == "question.unanswered"] == [answer_id]


def test_an_answer_without_a_mark_and_one_that_is_given_up_are_not_told_of(store, database) -> None:
    conversation, answer_id = asked(store)
    store.add_answer(conversation, answer_id, answer())
    _, answer_id = asked(store)
    store.give_up_answer(answer_id)
    assert [event for event, _ in told(database)] == ["conversation.started"]


def test_a_negative_rating_is_told_of_each_time_that_it_becomes_one(store, database) -> None:
    conversation, answer_id = asked(store)
    store.add_answer(conversation, answer_id, answer())
    histories = HistoryStore(database, OUTBOX)
    for feedback in ("positive", "negative", "negative", None, "negative"):
        histories.rate(HistoryScope("demo", "agents", "key:1"), conversation, answer_id, feedback)  # type: ignore[arg-type]
    found = [data for event, data in told(database) if event == "feedback.negative"]
    assert [(data["answer_id"], data["question"]) for data in found] == [(answer_id, "Where?")] * 2


def test_a_budget_that_is_used_up_is_told_of_once_and_again_when_another_one_is(store, database) -> None:
    KeyStore(database).create("secret", "demo", "shop", budget=3)
    ((key,),) = rows(database, "SELECT id FROM keys")
    for _ in range(2):
        conversation, answer_id = asked(store, charge=Charge(key, 1))
        store.add_answer(conversation, answer_id, answer(cost=1), Charge(key, 1))
    assert [event for event, _ in told(database)] == ["conversation.started"]
    conversation, answer_id = asked(store, charge=Charge(key, 1))
    store.add_answer(conversation, answer_id, answer(cost=1), Charge(key, 1))
    for _ in range(3):
        assert problem_of(lambda: asked(store, charge=Charge(key, 1))) is Problem.EXHAUSTED
    (first,) = [data for event, data in told(database) if event == "budget.exhausted"]
    assert first == {"key_id": key, "key_name": "shop", "agent": "demo", "credits": 3, "spent": 3}
    database.write(lambda connection: connection.execute(text("UPDATE keys SET credits = 4")))
    conversation, answer_id = asked(store, charge=Charge(key, 1))
    store.add_answer(conversation, answer_id, answer(cost=1), Charge(key, 1))
    assert [data["credits"] for event, data in told(database) if event == "budget.exhausted"] == [3, 4]


def test_what_is_erased_is_not_told_any_more(store, database) -> None:
    asked(store)
    assert told(database)
    Eraser(database).erase(of_end_user("ada"), each_noted("test"))
    assert told(database) == []


def test_a_question_that_is_asked_anew_is_the_one_that_is_told_of(store, database) -> None:
    conversation, answer_id = asked(store, "Wher?")
    store.add_answer(conversation, answer_id, answer())
    ((first,),) = rows(database, "SELECT id FROM messages WHERE role = 'user'")
    _, answer_id = asked(store, "Where?", rewind=Rewind("edit", (first,)))
    store.add_answer(conversation, answer_id, answer("unanswered"))
    assert [data["question"] for event, data in told(database) if event == "question.unanswered"] == ["Where?"]


def test_a_circuit_is_told_of_once_for_a_while_to_those_whose_agents_it_answers_for(database) -> None:
    outbox = Outbox([Subscription("desk", EVENTS), Subscription("shop", EVENTS, {"shop"})])
    for model, agents in [("a", {"demo"}), ("a", {"demo"}), ("b", {"demo", "shop"}), ("c", set())]:
        database.write(
            lambda connection, model=model, agents=agents: circuit_opened(outbox, connection, model, agents, 30)
        )
    assert sorted(rows(database, "SELECT webhook, event FROM deliveries")) == [
        *[("desk", "model.circuit_opened")] * 3,
        ("shop", "model.circuit_opened"),
    ]


def test_an_image_without_a_word_is_a_question_without_text(store, database) -> None:
    ids: list[str] = []
    entry = QuestionEntry(REF, {"q": Message("user", (TextPart(""),))}, 9, "a")
    store.add_question(entry, ids.append)
    assert told(database)[0][1]["question"] == ""
