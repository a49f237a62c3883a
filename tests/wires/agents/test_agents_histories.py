"""What is read back over /api/v2: conversations and their messages; titles, pausing and feedback."""

import re
import time
import uuid
from typing import Any

import pytest
from support.agents import Client, answered, refused, text, user

from app.testing.server import script

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NOBODY = str(uuid.uuid4())


@pytest.fixture(scope="module")
def client(server) -> Client:
    return Client.new(server)


def begin(client: Client, said: str = "x", **fields: Any) -> str:
    """A new conversation's id."""
    return str(client.ask(said, **fields)["metadata"]["conversationId"])


def test_a_conversation_and_its_messages_have_the_documented_shape(client) -> None:
    question = script({"text": "See: "}, {"reasoning": "Hm"}, {"call": "calculator", "args": {"expression": "6*7"}})
    before = int(time.time())
    answer = client.ask(question, userId="ann.1_a-b")
    said = answer["metadata"]
    found = client.get(f"/conversations/{said['conversationId']}")
    now = int(time.time())
    messages = found["data"].pop("messages")
    times = {name: found["data"][name] for name in ("createdAt", "updatedAt")}
    assert UUID.fullmatch(said["conversationId"])
    assert before <= times["createdAt"] <= times["updatedAt"] <= now
    assert found == {
        "data": {"id": said["conversationId"], "title": found["data"]["title"], "userId": "ann.1_a-b",
                 "status": "ongoing", **times},
        "pagination": {"cursor": None, "hasMore": False, "total": 2},
    }  # fmt: skip
    assert [before <= message.pop("createdAt") <= now for message in messages] == [True, True]
    call = {"toolCallId": "call_1", "toolName": "calculator"}
    assert messages == [
        {"id": said["userMessageId"], "role": "user", "parts": [text(question)]},
        {
            "id": answer["id"],
            "role": "assistant",
            "parts": [
                text("See: "),
                {"type": "tool-call", **call, "input": {"expression": "6*7"}},
                {"type": "tool-result", **call, "output": "42"},
            ],
            "metadata": {"finishReason": "stop", "usage": {"credits": 1}},
        },
    ]
    assert client.messages(said["conversationId"])[1]["parts"] == answer["parts"]


def test_a_paused_conversation_takes_no_messages_until_it_goes_on(client) -> None:
    answer = client.ask("x", userId="ann")
    conversation = answer["metadata"]["conversationId"]
    paused = answered(client.pause(conversation, paused=True))
    assert paused == {"id": conversation, "status": "paused"}
    assert client.get(f"/conversations/{conversation}")["data"]["status"] == "paused"
    for response in (
        client.chat({"message": "y", "conversationId": conversation}),
        client.chat({"message": "y", "conversationId": conversation, "stream": False}),
        client.page(conversation, user("m1", "y")),
        client.retry(conversation, answer["id"]),
    ):
        assert refused(response) == (400, "CHAT_CONVERSATION_NOT_ONGOING")
    assert len(client.messages(conversation)) == 2
    assert answered(client.pause(conversation, paused=False)) == {"id": conversation, "status": "ongoing"}
    client.ask("y", conversationId=conversation)
    assert [said for _, said in client.said(conversation)] == ["x", "Hello", "y", "Hello"]
    for body in ({}, {"paused": None}, {"paused": "true"}, {"paused": 1}, {"paused": True, "status": "ended"}):
        response = client.call("PATCH", f"/conversations/{conversation}", body)
        assert refused(response) == (400, "VALIDATION_INVALID_BODY"), body


def test_feedback_is_given_changed_and_taken_back(client) -> None:
    answer = client.ask("x")
    conversation, question = answer["metadata"]["conversationId"], answer["metadata"]["userMessageId"]
    for feedback in ("positive", "negative", "negative", None, "positive"):
        rated = answered(client.rate(conversation, answer["id"], feedback))
        assert rated.get("feedback") == feedback
        assert ("feedback" in rated) == (feedback is not None), "no null for an optional key"
        assert client.messages(conversation)[1] == rated
    elsewhere = begin(client)
    for place, message, status, code in (
        (conversation, question, 422, "RESOURCE_MESSAGE_NOT_ASSISTANT"),
        (conversation, "msg_" + "0" * 32, 404, "RESOURCE_MESSAGE_NOT_FOUND"),
        (conversation, "x", 404, "RESOURCE_MESSAGE_NOT_FOUND"),
        (elsewhere, answer["id"], 404, "RESOURCE_MESSAGE_NOT_FOUND"),
        (NOBODY, answer["id"], 404, "RESOURCE_NOT_FOUND"),
    ):
        assert refused(client.rate(place, message, "negative")) == (status, code)
    for feedback in ("good", "", 1, True, ["positive"]):
        assert refused(client.rate(conversation, answer["id"], feedback)) == (400, "VALIDATION_INVALID_BODY")
    assert client.messages(conversation)[1]["feedback"] == "positive"
    client.retry(conversation, answer["id"])
    assert refused(client.rate(conversation, answer["id"], None)) == (404, "RESOURCE_MESSAGE_NOT_FOUND"), "superseded"
    assert "feedback" not in client.messages(conversation)[1]


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("What is it?", "What is it?"),
        ("  one\n\ttwo   three ", "one two three"),
        ("word " * 30, "word " * 15 + "word…"),
        ("a" * 100, "a" * 80 + "…"),
        ("ü" * 80, "ü" * 80),
    ],
)
def test_the_first_message_is_the_title(client, said, title) -> None:
    conversation = begin(client, said)
    client.ask("something else", conversationId=conversation)
    assert client.get(f"/conversations/{conversation}")["data"]["title"] == title
