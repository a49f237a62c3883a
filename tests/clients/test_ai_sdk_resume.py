"""Answers that outlive their pages, with the AI SDK's own classes, of which version 6 has those of 5, and Vue those of
the newest (tests/browser/test_ai_sdk_reload.py has all). A page that is left in mid-answer, or loaded anew, hears the
answer whole and once, and it is paid once; the documented stop route ends it."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.sdk import SHOP, VERSIONS, Client, Program, config, of_type, send, text

from app.testing.server import Server, eventually, script

PATIENT = """
[agents.patient]
model = "scripted"
when_left = "finish"
client_tools = { confirm = { description = "Asks the visitor" } }
"""
SLOW = script({"reasoning": "Hm."}, {"text": "So far"}, {"pause": 0.7}, {"text": " and on."})
LONG = script({"text": "So far"}, {"pause": 20}, {"text": "never"})


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("shop"), config=config(SHOP + PATIENT)) as running:
        yield running


@pytest.fixture(scope="module")
def key(shop) -> str:
    return shop.key("secret", "patient")


@pytest.fixture(scope="module", params=VERSIONS)
def program(request) -> Iterator[Program]:
    with Program(request.param) as running:
        yield running


@pytest.fixture
def client(program, shop, key) -> Client:
    return Client(program, shop, "patient", key)


def statuses(client: Client, chat_id: str) -> list[str]:
    """Of the answers that the chat has cost."""
    return [each["status"] for each in client.stored(chat_id) if each["role"] == "assistant"]


@pytest.mark.parametrize("kept", ["with what had come", "with what is stored"])
def test_a_page_that_is_loaded_in_mid_answer_hears_all_of_it_once(client, kept) -> None:
    left = client.talk(send(SLOW, stop="So far"))
    stored = client.history(left.id, format="ui")
    assert [each["role"] for each in stored] == ["user"], "an answer that runs is not shown"
    messages = left.messages if kept == "with what had come" else stored
    talk = client.talk({"resume": True}, id=left.id, messages=messages)
    assert (talk.errors, talk.after[-1]["status"]) == ([], "ready")
    assert talk.texts == [SLOW, "So far and on."]
    assert [part["text"] for part in of_type(talk.answer, "reasoning")] == ["Hm."]
    assert talk.answer["id"] == left.answer["id"]
    assert statuses(client, talk.conversation_id) == ["complete"]


def test_a_page_that_comes_back_while_an_answer_goes_on_hears_what_was_said_before_too(client) -> None:
    asks = {"call": "confirm", "args": {"question": "Sure?"}}
    begun = client.talk(
        send(script({"text": "Well. "}, asks, {"text": "So far"}, {"pause": 0.7}, {"text": " and on."}))
    )
    left = client.talk({"output": "yes", "stop": "So far"}, id=begun.id, messages=begun.messages)
    talk = client.talk({"resume": True}, id=left.id, messages=client.history(left.id, format="ui"))
    assert (talk.errors, text(talk.answer)) == ([], "Well. So far and on.")
    (call,) = of_type(talk.answer, "tool-confirm")
    assert (call["state"], call["output"]) == ("output-available", "yes")


def test_a_page_whose_answer_has_ended_meanwhile_is_ready(client) -> None:
    left = client.talk(send(SLOW, stop="So far"))
    eventually(lambda: statuses(client, left.conversation_id) == ["complete"])
    talk = client.talk({"resume": True}, id=left.id, messages=client.history(left.id, format="ui"))
    assert (talk.errors, talk.texts) == ([], [SLOW, "So far and on."])
    assert [exchange["status"] for exchange in talk.exchanges] == [204]


@pytest.mark.parametrize("meant", [None, True], ids=["the message", "the message and the stream's id"])
def test_the_documented_stop_route_ends_the_answer_for_good(client, meant) -> None:
    talk = client.talk(send(LONG, end="So far", **({"meant": True} if meant else {})), send(script({"text": "Next"})))
    assert (talk.errors, talk.texts) == ([], [LONG, "So far", script({"text": "Next"}), "Next"])
    (stop,) = stops(talk.exchanges)
    assert (stop["status"], stop["raw"]) == (200, '{"success":true}')
    assert set(stop["body"]) == {"assistantMessage", *(["activeStreamId"] if meant else [])}
    assert statuses(client, talk.conversation_id) == ["interrupted", "complete"]


def test_a_stop_that_means_another_answer_ends_none(client) -> None:
    talk = client.talk(send(SLOW, end="So far", meant="0" * 32))
    assert [(stop["status"], stop["raw"]) for stop in stops(talk.exchanges)] == [(200, '{"success":true}')]
    assert eventually(lambda: statuses(client, talk.conversation_id)) == ["complete"]


def stops(exchanges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [exchange for exchange in exchanges if exchange["url"].endswith("/stop")]
