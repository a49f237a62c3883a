"""Conversations held by the AI SDK's own Chat and transport, version 5 and the newest: what the page shows and what is
stored agree, and each chunk passes the package's own schema (sdk.run sees to that)."""

import json
import time
from collections.abc import Iterator

import pytest
from support.sdk import SHOP, VERSIONS, Client, Program, config, of_type, regenerate, send, text

from app.testing.model_server import ModelServer
from app.testing.provider_apis import OPENAI
from app.testing.server import Server, eventually, script

LISTENER = """
[models.openai]
provider = "openai"
base_url = "{url}/v1"
model = "m-1"

[agents.listener]
model = "openai"
"""


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory, model_server) -> Iterator[Server]:
    added = SHOP + LISTENER.format(url=model_server.url)
    with Server(tmp_path_factory.mktemp("shop"), config=config(added)) as running:
        yield running


@pytest.fixture(scope="module")
def keys(shop) -> dict[str, str]:
    return {name: shop.key("secret", name.split()[0]) for name in ("shop", "shop of others", "listener")}


@pytest.fixture(scope="module", params=VERSIONS)
def program(request) -> Iterator[Program]:
    with Program(request.param) as running:
        yield running


@pytest.fixture
def client(program, shop, keys) -> Client:
    return Client(program, shop, "shop", keys["shop"])


def say(said: str) -> str:
    return script({"text": said})


@pytest.mark.parametrize("chunk", ['{"type":"ping"}', '{"type":"start","more":1}', '{"type":"start","messageId":null}'])
def test_a_chunk_with_anything_that_the_protocol_does_not_name_would_be_noticed(program, chunk) -> None:
    assert len(program.run("judge", raw=f'data: {{"type":"start-step"}}\n\ndata: {chunk}\n\n')["invalid"]) > 0


def test_a_stream_is_read_as_one_message_that_grows(client) -> None:
    told = client.read(script({"text": "One"}, {"text": " two"}, {"burst": [" three", " four"]}))
    grown = [text(state) for state in told["states"]]
    assert grown == sorted(grown, key=len)
    assert {"One", "One two", "One two three four"} <= set(grown)
    assert told["errors"] == []
    last = told["states"][-1]
    assert last["id"].startswith("msg_")
    assert last["parts"] == [
        {"type": "step-start"},
        {"type": "text", "text": "One two three four", "state": "done"},
    ]


@pytest.mark.parametrize("said", ["Grüße 中文 👩‍👩‍👧‍👦", "a\u2028b\x85c", 'data: [DONE]\n\n"\\', "  x "])
def test_any_text_arrives_as_it_was_said(client, said) -> None:
    assert text(client.read(script(*({"text": letter} for letter in said)))["states"][-1]) == said


def test_the_last_chunk_tells_whose_the_answer_is_and_why_it_ended(client) -> None:
    talk = client.talk(send(script({"text": "Hi"}, {"finish": "length"})))
    user, answer = client.history(talk.conversation_id)
    assert talk.answer["id"] == answer["id"]
    assert talk.answer["metadata"] == {
        "conversationId": talk.conversation_id,
        "messageId": answer["id"],
        "userMessageId": user["id"],
        "userId": None,
        "finishReason": "length",
        "usage": {"credits": 1},
        "createdAt": talk.answer["metadata"]["createdAt"],
        "model": "scripted",
        "inputTokens": 1,
        "outputTokens": 1,
        "totalTokens": 2,
    }
    assert abs(talk.answer["metadata"]["createdAt"] / 1000 - time.time()) < 60
    assert talk.answer["metadata"]["createdAt"] // 1000 == answer["createdAt"]
    assert talk.finished == [{"isAbort": False, "isError": False, "isDisconnect": False, "finishReason": "length"}]


def test_reasoning_is_a_part_of_its_own(client) -> None:
    talk = client.talk(send(script({"reasoning": "Let me"}, {"reasoning": " see."}, {"text": "Yes."})))
    assert [part["text"] for part in of_type(talk.answer, "reasoning")] == ["Let me see."]
    assert [part["state"] for part in of_type(talk.answer, "reasoning")] == ["done"]
    assert text(talk.answer) == "Yes."


def test_the_model_sees_what_was_said_before(shop, keys, model_server, program) -> None:
    model_server.play([*OPENAI.answer("Aye", ", Ada.")])
    listener = Client(program, shop, "listener", keys["listener"])
    talk = listener.talk(send("I am Ada."), send("Who am I?"))
    assert talk.texts == ["I am Ada.", "Aye, Ada.", "Who am I?", "Aye, Ada."]
    seen = [(each["role"], each["content"]) for each in model_server.wait_for_request(2).json["messages"]]
    assert seen == [("user", "I am Ada."), ("assistant", "Aye, Ada."), ("user", "Who am I?")]


def test_a_chat_goes_on_under_its_id_when_the_page_is_loaded_again(client) -> None:
    first = client.talk(send(say("one")))
    second = client.talk(send(say("two")), id=first.id, messages=first.messages)
    assert second.conversation_id == first.conversation_id
    assert [text(message) for message in client.history(first.conversation_id)] == second.texts
    third = client.talk(send(say("three")), id=first.conversation_id)
    assert third.conversation_id == first.conversation_id


def test_a_chat_of_that_id_is_another_one_under_another_key(client, shop, keys) -> None:
    first = client.talk(send(say("mine")), id="a-chat-of-mine" + client.program.version)
    other = Client(client.program, shop, "shop", keys["shop of others"])
    assert other.talk(send(say("theirs")), id=first.id).conversation_id != first.conversation_id


@pytest.mark.parametrize("index", [None, 3, 2], ids=["the last", "an answer", "a question"])
def test_another_answer_takes_the_place_of_the_last_one(client, index) -> None:
    talk = client.talk(send(say("one")), send(say("two")), regenerate(index))
    shown = client.history(talk.conversation_id)
    assert [text(message) for message in shown] == talk.texts == [say("one"), "one", say("two"), "two"]
    assert shown[-1]["id"] == talk.answer["id"] != talk.after[1]["messages"][-1]["id"]
    stored = [(message["role"], message["status"]) for message in client.stored(talk.conversation_id)]
    assert stored[2:] == [("user", "complete"), ("assistant", "superseded"), ("assistant", "complete")]


def test_another_answer_to_an_earlier_question_takes_back_all_behind_it(client) -> None:
    talk = client.talk(send(say("one")), send(say("two")), regenerate(1), send(say("three")))
    assert talk.texts == [say("one"), "one", say("three"), "three"]
    assert [text(message) for message in client.history(talk.conversation_id)] == talk.texts
    superseded = [each["text"] for each in client.stored(talk.conversation_id) if each["status"] == "superseded"]
    assert superseded == ["one", say("two"), "two"]


def test_an_edited_question_takes_the_place_of_the_old_one(client) -> None:
    talk = client.talk(send(say("one")), send(say("two")), send(say("ONE"), edit=0), send(say("TWO")), regenerate())
    assert talk.texts == [say("ONE"), "ONE", say("TWO"), "TWO"]
    assert [text(message) for message in client.history(talk.conversation_id)] == talk.texts
    assert talk.exchanges[2]["body"]["messageId"] == talk.exchanges[0]["body"]["messages"][0]["id"]


def test_a_stopped_answer_is_kept_as_far_as_it_came(client) -> None:
    stopped = send(script({"text": "So far"}, {"pause": 20}, {"text": " and on"}), stop="So far")
    talk = client.talk(stopped, {"wait": 100}, send(say("Next")), regenerate())
    assert [each["status"] for each in talk.after] == ["ready"] * 4
    assert (talk.errors, talk.finished[0]["isAbort"]) == ([], True)
    stored = client.stored(talk.conversation_id)
    assert [(each["status"], each["text"]) for each in stored[1:3]] == [
        ("interrupted", "So far"),
        ("complete", say("Next")),
    ]
    shown = client.history(talk.conversation_id)
    assert [text(message) for message in shown] == talk.texts
    assert shown[1]["id"] == talk.after[0]["messages"][1]["id"]


def test_a_chat_that_is_stopped_before_the_first_word_goes_on(client) -> None:
    talk = client.talk(
        send(script({"pause": 20}), stop="step-start"),
        {"wait": 100},
        send(say("Next")),
        send(say("Last")),
    )
    assert (talk.errors, talk.texts[-1]) == ([], "Last")
    assert client.stored(talk.conversation_id)[1]["status"] == "interrupted"


def test_who_stops_an_answer_may_ask_at_once(client) -> None:
    stopped = send(script({"text": "So far"}, {"pause": 20}), stop="So far")
    assert client.talk(*[stopped] * 6, send(say("Next"))).errors == []


def test_the_page_that_closes_leaves_an_interrupted_answer(client, shop) -> None:
    talk = client.talk(send(script({"text": "word ", "times": 500, "every": 0.02}), stop="word word"))
    answer_id = talk.answer["id"].removeprefix("msg_")
    ended = "SELECT * FROM messages WHERE id = ? AND status != 'running'"
    (row,) = eventually(lambda: shop.rows(ended, answer_id))
    assert row["status"] == "interrupted"
    assert "word word" in json.loads(row["parts"])[0]["text"]
