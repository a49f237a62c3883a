"""Conversations on a real SQLite file: their order, their owners, races, and writes that fail."""

import time

import gevent
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.engine.errors import ChatError
from app.engine.messages import (
    Answer,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
    said,
)
from app.engine.ports import Conversation, ConversationRef
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


def answer(*given_parts, status: str = "complete") -> Answer:
    return Answer(Message("assistant", given_parts or (TextPart("yes"),)), status, "stop", Usage(3, 2), "m")


def rows(database: Database, query: str) -> list[tuple]:
    return [tuple(row) for row in database.read(lambda connection: connection.execute(text(query)).all())]


def new(conversation_id: str = "c1", ref: ConversationRef = REF) -> Conversation:
    return Conversation(conversation_id, ref, is_new=True)


def test_a_conversation_grows_question_by_question(store, database) -> None:
    assert store.find(REF) is None
    assert store.add_question(new(), {"q1": said("user", "one?")}, 10) == []
    store.add_answer("c1", "a1", answer(TextPart("one!")))
    found = store.find(REF)
    assert found == Conversation("c1", REF)
    before = store.add_question(found, {"q2": said("user", "two?")}, 10)
    assert before == [said("user", "one?"), said("assistant", "one!")]
    query = "SELECT id, sequence, role, status, finish_reason, prompt_tokens, completion_tokens, model FROM messages"
    assert rows(database, query + " ORDER BY sequence") == [
        ("q1", 1, "user", "complete", None, None, None, None),
        ("a1", 2, "assistant", "complete", "stop", 3, 2, "m"),
        ("q2", 3, "user", "complete", None, None, None, None),
    ]


@pytest.mark.parametrize(("limit", "seen"), [(0, []), (1, ["6"]), (3, ["4", "5", "6"]), (99, [*"123456"])])
def test_the_history_is_the_last_messages_oldest_first(store, limit, seen) -> None:
    store.add_question(new(), {f"m{n}": said("user", str(n)) for n in range(1, 7)}, 10)
    before = store.add_question(store.find(REF), {"q": said("user", "now")}, limit)
    assert [message.text for message in before] == seen


def test_answers_that_say_nothing_are_no_history(store) -> None:
    store.add_question(new(), {"q1": said("user", "one?")}, 10)
    store.add_answer("c1", "a1", Answer(Message("assistant", ()), "failed", "error", Usage(), "m"))
    assert store.add_question(store.find(REF), {"q2": said("user", "two?")}, 10) == [said("user", "one?")]


def test_conversations_do_not_mix(store, database) -> None:
    other = ConversationRef("demo", "widget", "key:2", "session-1")
    store.add_question(new("c1"), {"q1": said("user", "mine")}, 10)
    store.add_question(new("c2", other), {"q2": said("user", "theirs")}, 10)
    assert store.add_question(store.find(other), {"q3": said("user", "?")}, 10) == [said("user", "theirs")]
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
def test_an_external_id_is_unique_for_its_owner_channel_and_agent(store, other) -> None:
    store.add_question(new("c1"), {"q1": said("user", "x")}, 0)
    assert store.find(other) is None
    store.add_question(new("c2", other), {"q2": said("user", "x")}, 0)
    assert (store.find(REF).id, store.find(other).id) == ("c1", "c2")


def test_conversations_without_an_external_id_are_as_many_as_there_are_questions(store, database) -> None:
    nameless = ConversationRef("demo", "workers", "anonymous")
    store.add_question(new("c1", nameless), {"q1": said("user", "x")}, 0)
    store.add_question(new("c2", nameless), {"q2": said("user", "x")}, 0)
    assert rows(database, "SELECT count(*) FROM conversations") == [(2,)]


def test_of_two_racing_first_messages_one_wins_and_the_other_is_busy(store, database) -> None:
    def ask(number: int) -> str:
        try:
            store.add_question(new(f"c{number}"), {f"q{number}": said("user", "x")}, 0)
        except ChatError as error:
            return error.problem.name
        return "won"

    racing = [gevent.spawn(ask, number) for number in range(8)]
    outcomes = [greenlet.get(timeout=10) for greenlet in racing]
    assert sorted(outcomes) == ["BUSY"] * 7 + ["won"]
    assert rows(database, "SELECT count(*) FROM messages") == [(1,)]


def test_messages_written_at_once_get_a_number_each(store, database) -> None:
    store.add_question(new(), {"q": said("user", "x")}, 0)
    writers = [gevent.spawn(store.add_answer, "c1", f"a{number}", answer()) for number in range(20)]
    gevent.joinall(writers, timeout=10, raise_error=True)
    assert rows(database, "SELECT sequence FROM messages ORDER BY sequence") == [(n,) for n in range(1, 22)]


def test_a_write_that_fails_halfway_leaves_nothing(store, database) -> None:
    store.add_question(new(), {"q1": said("user", "x")}, 0)
    with pytest.raises(IntegrityError):
        store.add_question(store.find(REF), {"q2": said("user", "y"), "q1": said("user", "z")}, 0)
    assert rows(database, "SELECT id FROM messages") == [("q1",)]


def test_an_answer_to_no_conversation_is_refused(store) -> None:
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        store.add_answer("nowhere", "a1", answer())


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
    conversation = Conversation(f"c{time.time_ns()}", ConversationRef("demo", "workers", "anonymous"), is_new=True)
    store.add_question(conversation, {f"q{time.time_ns()}": Message("user", tuple(stored))}, 0)
    again = Conversation(conversation.id, conversation.ref)
    assert store.add_question(again, {f"q{time.time_ns()}": said("user", "x")}, 9) == [Message("user", tuple(stored))]


def test_a_part_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="hologram"):
        parts.from_json({"type": "hologram"})
