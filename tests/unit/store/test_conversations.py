"""Conversations on a real SQLite file: their order, their owners, races, and writes that fail."""

import gevent
import pytest
from sqlalchemy.exc import IntegrityError
from support.database import REF, ask, rows
from support.fakes import problem_of

from app.engine.conversation import ConversationRef, QuestionEntry
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord, Message, TextPart, Usage, text_message


def answer(*given_parts, status: str = "complete") -> AnswerRecord:
    return AnswerRecord(Message("assistant", given_parts or (TextPart("yes"),)), status, "stop", Usage(3, 2), "m")


def test_a_conversation_grows_question_by_question(conversations, database) -> None:
    conversation, before = ask(conversations, REF, 10, q1="one?")
    assert before == []
    conversations.add_answer(conversation, "a1", answer(TextPart("one!")), resumed=False)
    again, before = ask(conversations, REF, 10, q2="two?")
    assert (again, before) == (conversation, ["one?", "one!"])
    query = "SELECT id, sequence, role, status, finish_reason, prompt_tokens, completion_tokens, model FROM messages"
    assert rows(database, query + " ORDER BY sequence") == [
        ("q1", 1, "user", "complete", None, None, None, None),
        ("a1", 2, "assistant", "complete", "stop", 3, 2, "m"),
        ("q2", 3, "user", "complete", None, None, None, None),
    ]


@pytest.mark.parametrize(("limit", "seen"), [(0, []), (1, ["6"]), (3, ["4", "5", "6"]), (99, [*"123456"])])
def test_the_history_is_the_last_messages_oldest_first(conversations, limit, seen) -> None:
    ask(conversations, REF, 10, **{f"m{n}": str(n) for n in range(1, 7)})
    assert ask(conversations, REF, limit, q="now")[1] == seen


def test_answers_that_say_nothing_are_no_history(conversations) -> None:
    conversation, _ = ask(conversations, REF, 10, q1="one?")
    conversations.add_answer(
        conversation, "a1", AnswerRecord(Message("assistant", ()), "failed", "error", Usage(), "m"), resumed=False
    )
    assert ask(conversations, REF, 10, q2="two?") == (conversation, ["one?"])


def test_conversations_do_not_mix(conversations, database) -> None:
    other = ConversationRef("demo", "widget", "key:2", "session-1")
    ask(conversations, REF, 10, q1="mine")
    ask(conversations, other, 10, q2="theirs")
    assert ask(conversations, other, 10, q3="?")[1] == ["theirs"]
    assert rows(database, "SELECT id, sequence FROM messages ORDER BY id") == [("q1", 1), ("q2", 1), ("q3", 2)]


@pytest.mark.parametrize(
    "other",
    [
        ConversationRef("other", "widget", "key:1", "session-1"),
        ConversationRef("demo", "workers", "key:1", "session-1"),
        ConversationRef("demo", "widget", "key:2", "session-1"),
        ConversationRef("demo", "widget", "key:1", "session-2"),
        ConversationRef("demo", "widget", "key:1", "SESSION-1"),
    ],
)
def test_an_external_id_is_unique_for_its_owner_wire_and_agent(conversations, other) -> None:
    mine, _ = ask(conversations, REF, 9, q1="mine")
    theirs, before = ask(conversations, other, 9, q2="theirs")
    assert (theirs != mine, before) == (True, [])
    assert (ask(conversations, REF, 9, q3="x"), ask(conversations, other, 9, q4="x")) == (
        (mine, ["mine"]),
        (theirs, ["theirs"]),
    )


def test_conversations_without_an_external_id_are_as_many_as_there_are_questions(conversations, database) -> None:
    nameless = ConversationRef("demo", "workers", "anonymous")
    assert ask(conversations, nameless, 9, q1="x")[0] != ask(conversations, nameless, 9, q2="x")[0]
    assert rows(database, "SELECT count(*) FROM conversations") == [(2,)]


@pytest.mark.parametrize("begun", [False, True], ids=["first question", "later question"])
def test_what_is_not_admitted_is_not_written(conversations, database, begun) -> None:
    if begun:
        ask(conversations, REF, 0, q0="before")

    def refuse(_conversation_id: str) -> None:
        raise ChatError(Problem.BUSY)

    tables = ("conversations", "messages")
    stored = [rows(database, f"SELECT * FROM {table}") for table in tables]
    asked = {"q1": text_message("user", "x")}
    assert problem_of(lambda: conversations.add_question(QuestionEntry(REF, asked, 0), refuse)) is Problem.BUSY
    assert [rows(database, f"SELECT * FROM {table}") for table in tables] == stored


def test_of_racing_first_messages_one_makes_the_conversation_and_the_others_join_it(conversations, database) -> None:
    racing = [gevent.spawn(ask, conversations, REF, 0, **{f"q{number}": "x"}) for number in range(8)]
    gevent.joinall(racing, timeout=30, raise_error=True)
    assert len({greenlet.value[0] for greenlet in racing}) == 1
    assert rows(database, "SELECT count(*), max(sequence) FROM messages") == [(8, 8)]


def test_messages_written_at_once_get_a_number_each(conversations, database) -> None:
    conversation, _ = ask(conversations, REF, 0, q="x")
    writers = [
        gevent.spawn(conversations.add_answer, conversation, f"a{number}", answer(), resumed=False)
        for number in range(20)
    ]
    gevent.joinall(writers, timeout=30, raise_error=True)
    assert rows(database, "SELECT sequence FROM messages ORDER BY sequence") == [(n,) for n in range(1, 22)]


def test_a_write_that_fails_halfway_leaves_nothing(conversations, database) -> None:
    ask(conversations, REF, 0, q1="x")
    with pytest.raises(IntegrityError):
        ask(conversations, REF, 0, q2="y", q1="z")
    assert rows(database, "SELECT id FROM messages") == [("q1",)]


def test_an_answer_to_a_conversation_that_was_erased_meanwhile_is_dropped(conversations, database) -> None:
    conversations.add_answer("nowhere", "a1", answer(), resumed=False)
    assert rows(database, "SELECT count(*) FROM messages") == [(0,)]
