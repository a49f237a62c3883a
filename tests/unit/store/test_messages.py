"""Of a conversation's history as much is read as a prompt has room for, and not a message less."""

import json
from collections.abc import Collection
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert
from support.database import new_database, new_postgres_database, new_store

from app.engine.agent import Agent
from app.engine.conversation import ConversationRef, QuestionEntry
from app.engine.messages import Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.prompt import assemble
from app.store.messages import history_of
from app.store.parts import parts_to_json
from app.store.tables import messages as table

QUESTION = text_message("user", "so?")

texts = st.sampled_from(["", "a" * 40, "é" * 90, "😀" * 200])
parts = st.one_of(
    texts.map(TextPart),
    texts.map(ReasoningPart),
    st.builds(ToolCallPart, st.sampled_from("ab"), st.just("t"), st.just({"a": "x" * 30})),
    st.builds(ToolResultPart, st.sampled_from("ab"), st.just("t"), texts, st.booleans()),
)
said = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant"]), st.lists(parts, max_size=4).map(tuple)), max_size=12
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request, tmp_path_factory):
    if request.param == "sqlite":
        yield new_database(tmp_path_factory.mktemp("history"))
        return
    with new_postgres_database() as made:
        yield made


@pytest.fixture(scope="module")
def stored(database):
    """Stores messages as a conversation, answers of the texts in `failed` as failed ones; returns its id."""
    numbers, store = count(), new_store(database)

    def store_them(history: list[Message], failed: Collection[str] = ()) -> str:
        ids: list[str] = []
        ref = ConversationRef("demo", "widget", "key:1", f"s{next(numbers)}")
        store.add_question(QuestionEntry(ref, {f"q{ref.external_id}": QUESTION}, 0, f"a{ref.external_id}"), ids.append)
        rows = [
            {
                "id": f"{ref.external_id}-{number}",
                "conversation_id": ids[0],
                "sequence": number,
                "role": message.role,
                "parts": parts_to_json(message),
                "status": "failed" if message.text in failed else "complete",
                "created_at": 1,
            }
            for number, message in enumerate(history, 3)
        ]
        if rows:
            database.write(lambda connection: connection.execute(insert(table), rows))
        return ids[0]

    return store_them


@settings(max_examples=60)
@given(history=said, tokens=st.integers(0, 900), most=st.integers(1, 12))
def test_a_prompt_is_the_same_as_if_all_had_been_read(database, stored, history, tokens, most) -> None:
    agent = Agent(id="demo", name="Demo", models=("fake",), history_tokens=tokens, history_messages=most)
    conversation_id = stored(history)
    whole = database.read(lambda connection: history_of(connection, conversation_id, most, 10**9))
    read = database.read(lambda connection: history_of(connection, conversation_id, most, tokens))
    assert assemble(agent, [*read, QUESTION]) == assemble(agent, [*whole, QUESTION])
    assert whole[len(whole) - len(read) :] == read


def test_what_no_prompt_has_room_for_is_not_read(database, stored) -> None:
    conversation_id = stored([text_message("user", "x" * 100_000)] * 50)
    read = database.read(lambda connection: history_of(connection, conversation_id, 50, 40_000))
    assert len(read) == 2, "the second one exceeds it"
    assert len(json.dumps([parts_to_json(each) for each in read])) < 250_000


def test_failed_tries_at_a_question_take_no_place_of_what_was_said_before(database, stored) -> None:
    """A visitor who tries again and again would otherwise have nothing else in the prompt in the end."""
    earlier = [text_message("user", "Who?"), text_message("assistant", "I.")]
    tries = [text_message("user", "When?"), text_message("assistant", "Ha")] * 40
    conversation_id = stored([*earlier, *tries], failed={"Ha"})

    def seen(question: str | None) -> list[Message]:
        return database.read(lambda connection: history_of(connection, conversation_id, 6, 9999, question))

    assert seen("When?") == [QUESTION, *earlier]
    assert seen("Where?") == [QUESTION, *earlier, *tries[:2]]
