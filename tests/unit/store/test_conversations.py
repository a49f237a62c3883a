"""Conversations on a real SQLite file: their order, their owners, races, and writes that fail."""

from dataclasses import replace

import gevent
import pytest
from support.database import REF, ask, new_store, rows
from support.fakes import problem_of

from app.engine.conversation import ConversationRef, QuestionEntry
from app.engine.errors import ChatError, Problem
from app.engine.messages import AnswerRecord, Message, TextPart, Usage, text_message
from app.store.archive import Archive
from app.store.database import Database
from app.store.histories import HistoryScope, HistoryStore

SCOPE = HistoryScope(REF.agent, REF.wire, REF.owner)


def answer(*given_parts, status: str = "complete") -> AnswerRecord:
    return AnswerRecord(Message("assistant", given_parts or (TextPart("yes"),)), status, "stop", Usage(3, 2), "m")


def test_a_conversation_grows_question_by_question(conversations, database) -> None:
    conversation, before = ask(conversations, REF, 10, q1="one?", answer="a1")
    assert before == []
    conversations.add_answer(conversation, "a1", answer(TextPart("one!")))
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


def test_an_answer_that_said_nothing_keeps_its_place_in_the_history(conversations) -> None:
    conversation, _ = ask(conversations, REF, 10, q1="one?", answer="a1")
    nothing = AnswerRecord(Message("assistant", ()), "failed", "error", Usage(), "m")
    conversations.add_answer(conversation, "a1", nothing)
    assert ask(conversations, REF, 10, q2="two?") == (conversation, ["one?", ""])


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
    assert problem_of(lambda: conversations.add_question(QuestionEntry(REF, asked, 0, "a1"), refuse)) is Problem.BUSY
    assert [rows(database, f"SELECT * FROM {table}") for table in tables] == stored


def test_of_racing_questions_one_makes_the_conversation_and_claims_it(conversations, database) -> None:
    """Two workers' stores, since a store alone writes one question after another."""
    stores = [conversations, new_store(Database(database.url))]

    def race(number: int) -> Problem | None:
        try:
            ask(stores[number % 2], REF, 0, answer=f"a{number}", **{f"q{number}": "x"})
        except ChatError as error:
            return error.problem
        return None

    racing = [gevent.spawn(race, number) for number in range(8)]
    gevent.joinall(racing, timeout=30, raise_error=True)
    assert sorted(str(greenlet.value) for greenlet in racing) == ["None", *["Problem.BUSY"] * 7]
    found = rows(database, "SELECT sequence, role, status FROM messages ORDER BY sequence")
    assert found == [(1, "user", "complete"), (2, "assistant", "running")]


def test_a_write_that_fails_halfway_leaves_nothing(conversations, database) -> None:
    ask(conversations, REF, 0, q1="x")
    assert problem_of(lambda: ask(conversations, REF, 0, q2="y", q1="z")) is Problem.BUSY
    assert rows(database, "SELECT id FROM messages") == [("q1",)]


def test_an_answer_has_its_place_from_its_question_on_and_is_read_when_it_has_ended(conversations, database) -> None:
    conversation, _ = ask(conversations, REF, 0, q1="x", answer="a1")
    running = "SELECT sequence, status, CAST(parts AS text), worker IS NULL, held FROM messages WHERE id = 'a1'"
    assert rows(database, running) == [(2, "running", "[]", 0, 0)]
    assert HistoryStore(database).messages(SCOPE, conversation, 9, None).total == 1
    assert [each.id for whole in Archive(database).export("demo", None) for each in whole.messages] == ["q1"]
    conversations.add_answer(conversation, "a1", answer())
    assert HistoryStore(database).messages(SCOPE, conversation, 9, None).total == 2


@pytest.mark.parametrize("mark", [None, "unanswered", "handover"])
def test_an_answers_mark_is_kept_with_it(conversations, database, mark) -> None:
    conversation, _ = ask(conversations, REF, 0, q1="x", answer="a1")
    conversations.add_answer(conversation, "a1", replace(answer(), mark=mark))
    question, answered = HistoryStore(database).messages(SCOPE, conversation, 9, None).items
    assert (question.mark, answered.mark) == (None, mark)


def test_an_answer_is_ended_once_and_by_its_worker_alone(conversations, database) -> None:
    conversation, _ = ask(conversations, REF, 0, q1="x", answer="a1")
    other = new_store(database)
    assert problem_of(lambda: other.add_answer(conversation, "a1", answer(TextPart("no")))) is Problem.LOST
    for words in ("yes", "again, since the first time was taken for a failure"):
        conversations.add_answer(conversation, "a1", answer(TextPart(words)))
    assert ask(conversations, REF, 9, q2="y")[1] == ["x", "yes"]
