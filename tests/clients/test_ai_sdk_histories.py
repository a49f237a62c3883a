"""Chats that were there before the page: their messages pass the SDK's own safeValidateUIMessages, pages ask to read an
answer on, and chats go on from what was loaded."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.sdk import SHOP, VERSIONS, Client, Program, config, of_type, regenerate, send, text

from app.engine.messages import SourcePart
from app.testing.server import Server, script
from app.wires.agents.serializers import source_part

ASK = {"call": "confirm", "args": {"question": "Sure?"}}
SUM, WRONG = ({"call": "calculator", "args": {"expression": what}} for what in ("17 * 23", "1/0"))
LOOK = {"call": "knowledge", "args": {"query": "How do I change the rate limit?"}}
RICH = script({"reasoning": "Hm."}, {"text": "Let me see. "}, SUM, WRONG, {"call": "nothing"}, LOOK, {"text": "So: "},
              ASK, {"text": "Done."})  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("shop"), config=config(SHOP)) as running:
        yield running


@pytest.fixture(scope="module")
def key(shop) -> str:
    return shop.key("secret", "shop")


@pytest.fixture(scope="module", params=VERSIONS)
def program(request) -> Iterator[Program]:
    with Program(request.param) as running:
        yield running


@pytest.fixture
def client(program, shop, key) -> Client:
    return Client(program, shop, "shop", key)


def loaded(client: Client, chat_id: str, **query: Any) -> list[dict[str, Any]]:
    """The chat's messages, which pass the SDK's own check."""
    found = client.history(chat_id, format="ui", **query)
    assert client.mistakes(found) == []
    return found


def plain(message: dict[str, Any]) -> list[dict[str, Any]]:
    """A message's parts without what the SDK adds to its own copy."""
    shown = ("sourceId", "mediaType", "title", "filename", "url")
    kept = ("type", "text", "toolCallId", "state", "input", "output", "errorText", *shown)
    return [{name: part[name] for name in kept if part.get(name) is not None} for part in message["parts"]]


def test_a_message_with_anything_wrong_would_be_noticed(client) -> None:
    (message,) = [{"id": "m", "role": "user", "metadata": {}, "parts": [{"type": "text", "text": "x"}]}]
    assert client.mistakes([message]) != []
    assert client.mistakes([]) != []


def test_what_is_loaded_is_what_the_page_had(client) -> None:
    talk = client.talk(send(RICH), {"output": {"sure": True}}, send(script({"text": "Bye."})))
    found = loaded(client, talk.id)
    assert loaded(client, talk.conversation_id) == found
    assert [each["role"] for each in found] == ["user", "assistant"] * 2
    for before, now in zip(talk.messages[1::2], found[1::2], strict=True):
        assert plain(now) == plain(before)
        assert now["id"] == before["id"]
        assert before["metadata"] == {**now["metadata"], "userMessageId": before["metadata"]["userMessageId"]}
    assert [text(each) for each in found[::2]] == [text(each) for each in talk.messages[::2]]
    states = [part["state"] for part in found[1]["parts"] if part["type"].startswith("tool-")]
    assert states == ["output-available", "output-error", "output-error", "output-available", "output-available"]
    assert of_type(found[1], "source-document"), "what it rests on is shown again"


def test_sources_with_an_address_and_without_are_parts_as_the_sdk_has_them(client) -> None:
    found = [SourcePart("Shipping", "Norway", "https://shop.example/shipping#norway"), SourcePart("Fees", "")]
    parts = [source_part(each, number) for number, each in enumerate(found, 1)]
    assert [part["type"] for part in parts] == ["source-url", "source-document"]
    answer = loaded(client, client.talk(send("hi")).id)[1]
    assert client.mistakes([{**answer, "parts": parts}]) == []


def test_a_page_that_is_loaded_while_a_call_waits_brings_its_output(client) -> None:
    first = client.talk(send(RICH))
    messages = loaded(client, first.id)
    assert of_type(messages[1], "tool-confirm")[0]["state"] == "input-available"
    second = client.talk({"resume": True}, {"output": "yes"}, id=first.id, messages=messages)
    assert (second.errors, text(second.answer)) == ([], "Let me see. So: Done.")
    assert second.answer["id"] == first.answer["id"]


@pytest.mark.parametrize("known", ["page", "server"])
def test_a_chat_goes_on_from_what_was_loaded(client, known) -> None:
    first = client.talk(send(script({"text": "one"})), send(script({"text": "two"})))
    chat_id = first.id if known == "page" else first.conversation_id
    steps = {"resume": True}, send(script({"text": "three"})), send(script({"text": "TWO"}), edit=2), regenerate()
    talk = client.talk(*steps, id=chat_id, messages=loaded(client, chat_id))
    assert (talk.errors, talk.conversation_id) == ([], first.conversation_id)
    assert talk.texts == [script({"text": "one"}), "one", script({"text": "TWO"}), "TWO"]
    assert [text(each) for each in loaded(client, chat_id)] == talk.texts


def test_a_page_that_asks_to_read_on_is_ready(client) -> None:
    talk = client.talk({"resume": True}, send(script({"text": "Hello"})), {"resume": True})
    assert [each["status"] for each in talk.after] == ["ready"] * 3
    asked = [exchange for exchange in talk.exchanges if "body" not in exchange]
    assert [exchange["status"] for exchange in asked] == [204, 204]
    assert {exchange["url"] for exchange in asked} == {f"{client.url}/chat/{talk.id}/stream"}
    assert (talk.errors, text(talk.answer)) == ([], "Hello")


@pytest.mark.parametrize("ending", ["stopped", "failed", "stopped before a word", "stopped in a call"])
def test_a_first_answer_that_ends_badly_is_not_lost(client, ending) -> None:
    pause = {"pause": 20}
    steps = {
        "stopped": send(script({"text": "So far"}, pause), stop="So far"),
        "failed": send(script({"text": "So far"}, {"fail": "upstream_failed"})),
        "stopped before a word": send(script(pause), stop="step-start"),
        "stopped in a call": send(script({"text": "So far"}, SUM, {"text": ""}, pause), stop="391"),
    }
    talk = client.talk(steps[ending], {"wait": 200})
    named = talk.conversation_id  # which the page knows of the first chunk alone
    found = loaded(client, named)
    assert found[1]["id"] == talk.answer["id"] == talk.answer["metadata"]["messageId"]
    assert plain(found[1])[: len(plain(talk.answer))] == [
        {**part, **({"state": "done"} if "text" in part else {})} for part in plain(talk.answer)
    ]
    assert found[1]["metadata"]["finishReason"] in ("other", "error")
    assert talk.answer["metadata"].items() <= {**found[1]["metadata"], "userMessageId": found[0]["id"]}.items()
    again = client.talk(send(script({"text": "On."})), id=named, messages=found)
    assert (again.errors, text(again.answer)) == ([], "On.")


def test_what_other_clients_put_into_the_body_is_no_hindrance(client) -> None:
    body = {  # of assistant-ui's AssistantChatTransport
        "callSettings": {"temperature": 0.5, "maxTokens": 100},
        "system": "You are mine.",
        "config": {"modelName": "gpt-4", "apiKey": "x"},
        "tools": {"locate": {"description": "x", "parameters": {"type": "object"}}},
        "metadata": {"custom": {"a": [1, None]}},
        "requestMetadata": None,
    }
    talk = client.talk(send(script({"text": "Hello"})), body=body)
    assert (talk.errors, text(talk.answer)) == ([], "Hello")
    assert talk.exchanges[0]["body"]["callSettings"] == body["callSettings"]
