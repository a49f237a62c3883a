"""Pages that make the ids of their chats themselves, where the agent lets them (`create_chats`)."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.users import Person, refusal

from app.testing.server import Server, script

OPEN = "[agents.open]                      # callers without a key come here\n"
MISSING = "5b0e6f0a-3c1d-4e7b-9a52-0d8c6f4b1e77"


@pytest.fixture(scope="module")
def lenient(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("lenient"), changes={OPEN: f"{OPEN}create_chats = true\n"}) as running:
        yield running


@pytest.fixture(scope="module")
def ada(lenient) -> Person:
    return Person.new(lenient)


def test_a_question_to_an_unknown_chat_begins_it(ada) -> None:
    chat = str(uuid.uuid4())
    assert [event["type"] for event in ada.stream(chat, script({"text": "Hi"}))] == ["start", "content", "end"]
    assert ada.ask(chat, script({"text": "Again"})).json()["chatId"] == chat
    assert [each["role"] for each in ada.messages(chat)] == ["user", "assistant"] * 2
    assert chat in [each["id"] for each in ada.call("GET", f"/api/users/{ada.id}/chats").json()["chats"]]


def test_nothing_else_begins_a_chat(ada, lenient) -> None:
    bob, chat = Person.new(lenient), str(uuid.uuid4())
    assert refusal(ada.call("GET", f"/api/chats/{chat}/messages"))[0] == 404
    assert refusal(ada.ask(chat, "hello", workflowId=MISSING)) == (404, "Not Found", "Workflow does not exist")
    assert refusal(ada.ask(chat, "hello", modelId="none"))[0] == 400
    assert refusal(ada.ask(chat, "hello", userId=bob.id)) == (404, "Not Found", "Chat does not exist")
    assert refusal(ada.ask("mine", "hello"))[0] == 400
    assert refusal(ada.call("GET", f"/api/chats/{chat}/messages"))[0] == 404
    assert ada.ask(chat, script({"text": "Hi"})).status_code == 201
    assert refusal(bob.ask(chat, "hello")) == (403, "Forbidden", "Cannot post to another user's chat")


def test_of_several_first_questions_at_once_one_is_answered_and_the_others_find_the_chat(ada) -> None:
    chat = str(uuid.uuid4())
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: ada.ask(chat, script({"pause": 1}, {"text": "Hi"})).status_code, range(4)))
    assert sorted(set(asked)) == [201, 409]
    assert asked.count(201) == 1


def test_without_the_setting_it_is_not_found(server) -> None:
    person = Person.new(server)
    assert refusal(person.ask(MISSING, "hello")) == (404, "Not Found", "Chat does not exist")
