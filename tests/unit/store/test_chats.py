"""Chats of signed-in users; tests/wires/chats has the rest."""

import pytest
from support.database import ask
from support.fakes import problem_of

from app.engine.conversation import ConversationRef
from app.engine.errors import Problem
from app.engine.messages import AnswerRecord, Message, TextPart, Usage
from app.store.chats import ChatStore


@pytest.fixture
def chats(database) -> ChatStore:
    return ChatStore(database)


def test_an_owners_chats_are_listed_from_the_latest_on_with_their_number(chats) -> None:
    made = [chats.create("demo", "user:ada", "ada", title) for title in ("1", None, "3")]
    chats.create("demo", "user:bob", "bob", "theirs")
    latest_first = sorted(made, key=lambda chat: (chat.created_at, chat.id), reverse=True)
    assert chats.all("user:ada", 2, 0) == (latest_first[:2], 3)
    assert chats.all("user:ada", 2, 2) == (latest_first[2:], 3)
    assert chats.all("user:eve", 2, 0) == ([], 0)


def test_a_chat_is_deleted_with_its_messages(chats, conversations) -> None:
    chat = chats.create("demo", "user:ada", "ada", "Hi")
    ask(conversations, ConversationRef("demo", "chats", "user:ada", id=chat.id), question="Hi", answer="answer")
    answer = AnswerRecord(Message("assistant", (TextPart("yes"),)), "complete", "stop", Usage(), "m")
    conversations.add_answer(chat.id, "answer", answer)
    question, answered = chats.exchange("question", "answer")
    assert [question, answered] == chats.messages(chat.id, 10).items
    assert (question.sequence, answered.message.text) == (1, "yes")
    chats.delete(chat.id)
    gone = (
        lambda: chats.find(chat.id),
        lambda: chats.messages(chat.id, 10),
        lambda: chats.exchange("question", "answer"),
        lambda: chats.delete(chat.id),
    )
    assert [problem_of(each) for each in gone] == [Problem.NOT_FOUND] * 4


def test_a_conversation_of_another_wire_is_no_chat(chats, conversations) -> None:
    conversation, _ = ask(conversations, q="x")
    assert problem_of(lambda: chats.find(conversation)) is Problem.NOT_FOUND
