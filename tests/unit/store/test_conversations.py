"""Conversations on a real SQLite file: their order, their owners, races, and writes that fail."""

import uuid

import gevent
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from support.fakes import problem_of

from app.engine.conversation import ConversationRef, QuestionEntry, Rewind
from app.engine.errors import ChatError, Problem
from app.engine.messages import (
    AnswerRecord,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
    said,
)
from app.store import parts
from app.store.conversations import ConversationStore
from app.store.database import Database
from app.store.schema import upgrade

REF = ConversationRef("demo", "widget", "key:1", "session-1")


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path / 'parlance.db'}")
    upgrade(made)
    return made


@pytest.fixture
def store(database):
    return ConversationStore(database)


def answer(*given_parts, status: str = "complete") -> AnswerRecord:
    return AnswerRecord(Message("assistant", given_parts or (TextPart("yes"),)), status, "stop", Usage(3, 2), "m")


def rows(database: Database, query: str) -> list[tuple]:
    return [tuple(row) for row in database.read(lambda connection: connection.execute(text(query)).all())]


def ask(store: ConversationStore, ref: ConversationRef, history: int, **questions: str) -> tuple[str, list[str]]:
    """The conversation's id, and the texts before the questions (id=text)."""
    told: list[str] = []
    asked = {message_id: said("user", words) for message_id, words in questions.items()}
    opened = store.add_question(QuestionEntry(ref, asked, history), told.append)
    (conversation_id,) = told
    return conversation_id, [message.text for message in opened.messages[: -len(asked)]]


def test_a_conversation_grows_question_by_question(store, database) -> None:
    conversation, before = ask(store, REF, 10, q1="one?")
    assert before == []
    store.add_answer(conversation, "a1", answer(TextPart("one!")), resumed=False)
    again, before = ask(store, REF, 10, q2="two?")
    assert (again, before) == (conversation, ["one?", "one!"])
    query = "SELECT id, sequence, role, status, finish_reason, prompt_tokens, completion_tokens, model FROM messages"
    assert rows(database, query + " ORDER BY sequence") == [
        ("q1", 1, "user", "complete", None, None, None, None),
        ("a1", 2, "assistant", "complete", "stop", 3, 2, "m"),
        ("q2", 3, "user", "complete", None, None, None, None),
    ]


@pytest.mark.parametrize(("limit", "seen"), [(0, []), (1, ["6"]), (3, ["4", "5", "6"]), (99, [*"123456"])])
def test_the_history_is_the_last_messages_oldest_first(store, limit, seen) -> None:
    ask(store, REF, 10, **{f"m{n}": str(n) for n in range(1, 7)})
    assert ask(store, REF, limit, q="now")[1] == seen


def test_answers_that_say_nothing_are_no_history(store) -> None:
    conversation, _ = ask(store, REF, 10, q1="one?")
    store.add_answer(
        conversation, "a1", AnswerRecord(Message("assistant", ()), "failed", "error", Usage(), "m"), resumed=False
    )
    assert ask(store, REF, 10, q2="two?") == (conversation, ["one?"])


REPEATS = {  # the statuses of the answers there were, the text sent, and the ids of what the model sees
    "no answer, as a server killed in the middle leaves it": ([], "why", ["q1"]),
    "an answer that broke off": (["interrupted"], "why", ["q1"]),
    "an answer that failed": (["failed"], "why", ["q1"]),
    "another question": (["failed"], "how", ["q1", "a1", "q2"]),
    "a whole answer": (["complete"], "why", ["q1", "a1", "q2"]),
}


@pytest.mark.parametrize("name", REPEATS)
def test_a_question_without_a_whole_answer_is_taken_up_again_when_it_is_repeated(store, database, name) -> None:
    statuses, words, left = REPEATS[name]
    conversation, _ = ask(store, REF, 30, q1="why")
    for status in statuses:
        store.add_answer(conversation, "a1", answer(status=status), resumed=False)
    entry = QuestionEntry(REF, {"q2": said("user", words)}, 30, rewind=Rewind("repeat"))
    opened = store.add_question(entry, lambda _: None)
    assert opened.question_id == left[-1]
    kept = rows(database, "SELECT id FROM messages WHERE status != 'superseded' ORDER BY sequence")
    assert [message_id for (message_id,) in kept] == left
    assert len(opened.messages) == len(left)
    assert opened.messages[-1].text == words


def test_conversations_do_not_mix(store, database) -> None:
    other = ConversationRef("demo", "widget", "key:2", "session-1")
    ask(store, REF, 10, q1="mine")
    ask(store, other, 10, q2="theirs")
    assert ask(store, other, 10, q3="?")[1] == ["theirs"]
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
def test_an_external_id_is_unique_for_its_owner_wire_and_agent(store, other) -> None:
    mine, _ = ask(store, REF, 9, q1="mine")
    theirs, before = ask(store, other, 9, q2="theirs")
    assert (theirs != mine, before) == (True, [])
    assert (ask(store, REF, 9, q3="x"), ask(store, other, 9, q4="x")) == ((mine, ["mine"]), (theirs, ["theirs"]))


def test_conversations_without_an_external_id_are_as_many_as_there_are_questions(store, database) -> None:
    nameless = ConversationRef("demo", "workers", "anonymous")
    assert ask(store, nameless, 9, q1="x")[0] != ask(store, nameless, 9, q2="x")[0]
    assert rows(database, "SELECT count(*) FROM conversations") == [(2,)]


@pytest.mark.parametrize("begun", [False, True], ids=["first question", "later question"])
def test_what_is_not_admitted_is_not_written(store, database, begun) -> None:
    if begun:
        ask(store, REF, 0, q0="before")

    def refuse(_conversation_id: str) -> None:
        raise ChatError(Problem.BUSY)

    tables = ("conversations", "messages")
    stored = [rows(database, f"SELECT * FROM {table}") for table in tables]
    asked = {"q1": said("user", "x")}
    assert problem_of(lambda: store.add_question(QuestionEntry(REF, asked, 0), refuse)) is Problem.BUSY
    assert [rows(database, f"SELECT * FROM {table}") for table in tables] == stored


def test_of_racing_first_messages_one_makes_the_conversation_and_the_others_join_it(store, database) -> None:
    racing = [gevent.spawn(ask, store, REF, 0, **{f"q{number}": "x"}) for number in range(8)]
    gevent.joinall(racing, timeout=30, raise_error=True)
    assert len({greenlet.value[0] for greenlet in racing}) == 1
    assert rows(database, "SELECT count(*), max(sequence) FROM messages") == [(8, 8)]


def test_messages_written_at_once_get_a_number_each(store, database) -> None:
    conversation, _ = ask(store, REF, 0, q="x")
    writers = [
        gevent.spawn(store.add_answer, conversation, f"a{number}", answer(), resumed=False) for number in range(20)
    ]
    gevent.joinall(writers, timeout=30, raise_error=True)
    assert rows(database, "SELECT sequence FROM messages ORDER BY sequence") == [(n,) for n in range(1, 22)]


def test_a_write_that_fails_halfway_leaves_nothing(store, database) -> None:
    ask(store, REF, 0, q1="x")
    with pytest.raises(IntegrityError):
        ask(store, REF, 0, q2="y", q1="z")
    assert rows(database, "SELECT id FROM messages") == [("q1",)]


def test_an_answer_to_a_conversation_that_was_erased_meanwhile_is_dropped(store, database) -> None:
    store.add_answer("nowhere", "a1", answer(), resumed=False)
    assert rows(database, "SELECT count(*) FROM messages") == [(0,)]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
PARTS = st.one_of(
    st.builds(TextPart, TEXT),
    st.builds(ReasoningPart, TEXT),
    st.builds(ToolCallPart, TEXT, TEXT, OBJECTS),
    st.builds(ToolResultPart, TEXT, TEXT, JSON, st.booleans()),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PARTS, min_size=1, max_size=6))
def test_parts_of_every_kind_come_back_as_they_were_stored(store, stored) -> None:
    ref = ConversationRef("demo", "workers", "anonymous", uuid.uuid4().hex)
    store.add_question(QuestionEntry(ref, {uuid.uuid4().hex: Message("user", tuple(stored))}, 0), lambda _: None)
    again = store.add_question(QuestionEntry(ref, {uuid.uuid4().hex: said("user", "x")}, 9), lambda _: None)
    assert again.messages[:-1] == [Message("user", tuple(stored))]


def test_a_part_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="hologram"):
        parts.from_json({"type": "hologram"})
