"""Tools that run in the caller's page, histories that the caller brings, and parts that no model here takes."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from support.agents import Client, answered, assistant, begun, chunks, configured, finished, refused, text, user

from app.testing.server import Server, new_session_id, script

TABLES = """
[agents.page]
model = "scripted"
tools = ["calculator"]

[agents.page.client_tools.confirm]
description = "Asks the user for a yes."

[agents.page.client_tools.locate]
description = "Tells where the user is."
parameters = { type = "object", properties = { exact = { type = "boolean" } } }

[agents.forgetful]
model = "scripted"
history_messages = 1
client_tools = { confirm = { description = "Asks the user for a yes." } }

[agents.trusting]
model = "scripted"
client_history = true
"""
CONFIRM = {"call": "confirm", "args": {"what": "all"}}
CALL = {"toolCallId": "call_1", "toolName": "confirm", "input": {"what": "all"}}
STEP, ENDED = {"type": "start-step"}, {"type": "finish-step"}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("tools"), config=configured(TABLES)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server) -> Client:
    return Client.new(server, "page")


def brought(call: str, tool: str = "confirm", **output: Any) -> dict[str, Any]:
    """A tool's part as the AI SDK keeps it, with `output` or `errorText`."""
    state = "output-error" if "errorText" in output else "output-available"
    return {"type": f"tool-{tool}", "toolCallId": call, "state": state, "input": {"what": "all"}, **output}


class Chat:
    """A page's chat of one question, which has just been answered with calls of the page's tools."""

    def __init__(self, client: Client, *steps: dict[str, Any]) -> None:
        self.client, self.name = client, new_session_id()
        self.question = user("q1", script(*steps))
        response = client.page(self.name, self.question)
        self.chunks, self.said = chunks(response), finished(response)
        self.answer: str = self.said["messageId"]

    def bring(self, *parts: dict[str, Any], answer: str | None = None) -> Any:
        """The post that the AI SDK sends of itself when all outputs are there."""
        return self.client.page(self.name, self.question, assistant(answer or self.answer, *parts))

    def parts(self) -> list[dict[str, Any]]:
        """Of the last message, which is the answer."""
        *_, last = self.client.messages(self.said["conversationId"])
        assert last["id"] == self.answer
        return list(last["parts"])

    def rows(self) -> list[dict[str, Any]]:
        return self.client.server.messages(uuid.UUID(self.said["conversationId"]).hex)


def test_a_call_of_the_pages_tool_ends_the_answer_until_the_output_comes(client) -> None:
    chat = Chat(client, {"text": "Sure?"}, CONFIRM, {"text": "Done."})
    said = [{"type": "text-start", "id": "t1"}, {"type": "text-delta", "id": "t1", "delta": "Sure?"},
            {"type": "text-end", "id": "t1"}]  # fmt: skip
    finish = {"type": "finish", "finishReason": "tool-calls", "messageMetadata": chat.said}
    called = {"type": "tool-input-available", **CALL}
    start, *rest = chat.chunks
    assert begun(start)["messageId"] == chat.answer
    assert rest == [STEP, *said, called, ENDED, finish]
    assert chat.said["finishReason"] == "tool-calls"
    assert chat.parts() == [text("Sure?"), {"type": "tool-call", **CALL}]
    response = chat.bring(text("Sure?"), brought("call_1", output={"yes": True}))
    start, *_, last = chunks(response)
    assert begun(start) == begun(chat.chunks[0]), "it is the same answer"
    assert [chunk["delta"] for chunk in chunks(response) if chunk["type"] == "text-delta"] == ["Done."]
    assert last["finishReason"] == "stop"
    same = ("conversationId", "messageId", "userMessageId")
    assert {name: last["messageMetadata"][name] for name in same} == {name: chat.said[name] for name in same}
    result = {"type": "tool-result", "toolCallId": "call_1", "toolName": "confirm", "output": {"yes": True}}
    assert chat.parts() == [text("Sure?"), {"type": "tool-call", **CALL}, result, text("Done.")]
    assert [row["status"] for row in chat.rows()] == ["complete", "complete"]
    assert finished(client.page(chat.name, user("q2", "next")))["conversationId"] == chat.said["conversationId"]


@pytest.mark.parametrize("output", [None, 0, False, "", "yes", [], {"a": [1, {"b": "ü"}]}], ids=repr)
def test_an_output_is_any_json(client, output) -> None:
    chat = Chat(client, CONFIRM, {"text": "Done."})
    assert finished(chat.bring(brought("call_1", output=output)))["finishReason"] == "stop"
    assert chat.parts()[1]["output"] == output


@pytest.mark.parametrize("depth", [300, 900, 1000])
def test_an_output_that_is_nested_without_end_is_refused(client, depth) -> None:
    chat = Chat(client, CONFIRM, {"text": "Done."})
    message = assistant(chat.answer, brought("call_1", output="NESTED"))
    body = json.dumps({"id": chat.name, "messages": [message]}).replace('"NESTED"', "[" * depth + "]" * depth)
    assert refused(client.chat(body.encode())) == (400, "VALIDATION_INVALID_BODY")
    assert len(chat.parts()) == 1, "what is stored can be read back"


def test_a_tool_that_failed_in_the_page_is_told_to_the_model(client) -> None:
    chat = Chat(client, CONFIRM, {"text": "Never mind."})
    assert finished(chat.bring(brought("call_1", errorText="Nobody is there")))["finishReason"] == "stop"
    assert chat.parts()[1]["output"] == "Nobody is there"
    assert chat.rows()[1]["parts"][1]["isError"] is True


def test_calls_side_by_side_wait_for_all_their_outputs(client) -> None:
    chat = Chat(client, CONFIRM, {"call": "locate"}, {"call": "calculator", "args": {"expression": "6*7"}},
                {"text": "Done."})  # fmt: skip
    results = [chunk for chunk in chat.chunks if chunk["type"].startswith("tool-output")]
    assert [chunk["toolCallId"] for chunk in results] == ["call_3"], "the server's own tool has run"
    assert chat.said["finishReason"] == "tool-calls"
    for parts in ([brought("call_1", output=1)], [brought("call_2", "locate", output=1)], [brought("x", output=1)]):
        assert refused(chat.bring(*parts)) == (400, "VALIDATION_INVALID_BODY")
    before = chat.parts()
    called = {**brought("call_2", "locate"), "state": "input-available"}
    assert refused(chat.bring(called)) == (400, "VALIDATION_INVALID_BODY")
    assert chat.parts() == before, "nothing is half taken"
    dynamic = {**brought("call_2", output="here"), "type": "dynamic-tool", "toolName": "locate"}
    assert finished(chat.bring(brought("call_1", output=1), dynamic))["finishReason"] == "stop"
    assert [part.get("output") for part in chat.parts()[4:6]] == [1, "here"]
    assert chat.parts()[6:] == [text("Done.")]


def test_an_answer_may_call_the_page_again_and_again(client) -> None:
    chat = Chat(client, CONFIRM, {"text": "And?"}, CONFIRM, {"text": "Done."})
    second = chunks(chat.bring(brought("call_1", output=1)))
    assert second[-1]["finishReason"] == "tool-calls"
    third = chunks(chat.bring(brought("call_1", output=1), text("And?"), brought("call_2", output=2)))
    assert {second[0]["messageId"], third[0]["messageId"]} == {chat.answer}
    kinds = ["tool-call", "tool-result", "text", "tool-call", "tool-result", "text"]
    assert [part["type"] for part in chat.parts()] == kinds
    assert [part["output"] for part in chat.parts() if part["type"] == "tool-result"] == [1, 2]
    assert len(chat.rows()) == 2


def test_outputs_belong_to_the_last_answer(client) -> None:
    chat = Chat(client, CONFIRM, {"text": "Done."})
    output = brought("call_1", output=1)
    for answer in ("msg_" + "0" * 32, "x", chat.said["userMessageId"]):
        assert refused(chat.bring(output, answer=answer)) == (404, "CHAT_RETRY_MESSAGE_NOT_FOUND")
    in_another_chat = client.page(new_session_id(), assistant(chat.answer, output))
    assert refused(in_another_chat) == (404, "CHAT_RETRY_MESSAGE_NOT_FOUND")
    assert chat.parts() == [{"type": "tool-call", **CALL}]


@pytest.mark.parametrize(
    ("ending", "status"), [({"text": "Done."}, 200), ({"refuse": "overloaded"}, 503), ({"fail": "crash"}, 500)], ids=str
)
def test_outputs_that_are_sent_again_are_taken_once(client, ending, status) -> None:
    chat = Chat(client, CONFIRM, ending)
    assert [chat.bring(brought("call_1", output=number)).status_code for number in range(3)] == [status] * 3
    result = {"type": "tool-result", "toolCallId": "call_1", "toolName": "confirm", "output": 0}
    assert chat.parts()[1:] == [result, *([text("Done.")] if "text" in ending else [])]
    assert len(chat.rows()) == 2


def test_a_user_who_goes_on_talking_leaves_the_call_without_output(client) -> None:
    chat = Chat(client, CONFIRM, {"text": "Done."})
    assert finished(client.page(chat.name, user("q2", "Forget it.")))["finishReason"] == "stop"
    late = chat.bring(brought("call_1", output=1))
    assert refused(late) == (404, "CHAT_RETRY_MESSAGE_NOT_FOUND")
    again = client.page(chat.name, user("q1", chat.question["parts"][0]["text"]), trigger="regenerate-message")
    assert finished(again)["finishReason"] == "tool-calls", "the question is answered again, with the call"


def test_an_answer_goes_on_however_little_the_agent_remembers(server) -> None:
    chat = Chat(Client.new(server, "forgetful"), CONFIRM, {"text": "Done."})
    assert finished(chat.bring(brought("call_1", output=1)))["finishReason"] == "stop"
    assert chat.parts()[2:] == [text("Done.")]


@pytest.mark.parametrize(("agent", "seen"), [("trusting", 3), ("page", 1)])
def test_a_posted_history_counts_where_the_agent_believes_it(server, agent, seen) -> None:
    client = Client.new(server, agent)
    said = finished(client.page(new_session_id(), user("m1", "one"), assistant("m2", text("two")), user("m3", "three")))
    assert client.said(said["conversationId"]) == [("user", "three"), ("assistant", "Hello")]
    stored = uuid.UUID(said["conversationId"]).hex
    assert server.messages(stored)[-1]["prompt_tokens"] == seen
    (kept,) = server.rows("SELECT posted, digest FROM conversations WHERE id = ?", stored)
    assert [*kept] == [None, None], "what a page brings again and again is not kept again and again"


def test_questions_that_are_answered_again_may_be_logged(start) -> None:
    server: Server = start(changes={"[server]": "[server]\nlog_messages = true"})
    client = Client.new(server)
    answer = client.ask("one")
    answered(client.retry(answer["metadata"]["conversationId"], answer["id"]))
    assert [(turn["question"], turn["answer"]) for turn in server.log("turn")] == [("one", "Hello")] * 2


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,AA=="}, "takes no images"),
        ({"type": "file", "mediaType": "image/png", "url": "http://a.example/a.png"}, "https"),
        ({"type": "file", "mediaType": "application/pdf", "url": "data:application/pdf;base64,AA=="}, "Only images"),
        ({"type": "data-weather", "data": {"city": "Ulm"}}, "'data-weather'"),
        ({"type": "source-url", "sourceId": "s1", "url": "https://a.example"}, "'source-url'"),
        ({"type": "x" * 1000}, "x" * 64),
    ],
    ids=["an image", "an address", "a file", "data", "a source", "a long name"],
)
def test_parts_that_cannot_be_carried_are_refused_by_name(client, part, words) -> None:
    message = {"id": "m1", "role": "user", "parts": [text("Look:"), part]}
    for body, place in ({"messages": [message]}, "messages.0."), ({"message": message}, "message."):
        response = client.chat(body)
        assert refused(response) == (400, "VALIDATION_INVALID_BODY")
        (found, reason), = response.json()["error"]["details"].items()  # fmt: skip
        assert found.startswith(f"{place}parts.1")
        assert words in reason
        assert len(reason) < 120


def test_what_a_page_keeps_of_earlier_messages_is_no_hindrance(server, client) -> None:
    kept = [
        {"type": "reasoning", "text": "Hm", "state": "done"},
        {"type": "source-document", "sourceId": "s1", "mediaType": "text/markdown", "title": "x", "filename": "x.md"},
        {"type": "data-anything", "data": 5},
        {"type": "file", "mediaType": "image/png", "url": "https://a.example/x.png"},
        {"type": "tool-calculator", "toolCallId": "c1", "state": "input-streaming", "input": None},
    ]
    asked = {"id": "m1", "role": "user", "parts": [kept[3]]}  # and refused
    stopped = {"id": "msg_2", "role": "assistant", "parts": []}  # before its first chunk
    last = {**user("m3", "hi"), "metadata": {"a": 1}, "createdAt": "2026-01-01"}
    for answer in (assistant("msg_1", *kept), stopped):
        assert finished(client.page(new_session_id(), asked, answer, last, anything={"of": "the page's"}))
    trusting = Client.new(server, "trusting").page(new_session_id(), asked, stopped, last)
    assert refused(trusting) == (400, "VALIDATION_INVALID_BODY"), "whose model would see it"
    assert list(trusting.json()["error"]["details"]) == ["messages.0.parts.0"]
