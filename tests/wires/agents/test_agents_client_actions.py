"""Client actions as Chatbase's documents have them: an answer that ends with calls, a result posted for each, and a
question without a message, with which the answer goes on."""

import json
import os
import signal
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from support.agents import Client, answered, assistant, begun, chunks, configured, finished, refused, spoken, text
from support.wires import AgentsLines

from app.testing.server import Server, eventually, script

TABLES = """
[agents.shop]
model = "scripted"
tools = ["calculator"]
widget_key_wires = ["agents"]
client_tools = { confirm = { description = "Asks for a yes." }, locate = { description = "Tells where." } }
"""
CONFIRM, LOCATE = {"call": "confirm", "args": {"what": "all"}}, {"call": "locate"}
SUM, NOTHING = {"call": "calculator", "args": {"expression": "6*7"}}, {"call": "nothing"}
DONE = {"text": "Done."}
EVENTS = {"Accept": "text/event-stream"}  # as OkHttp's EventSource, and so Chatbase's Android client, sends
NO_CALL = (404, "RESOURCE_TOOL_CALL_NOT_FOUND")
INVALID = (400, "VALIDATION_INVALID_BODY")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("actions"), config=configured(TABLES)) as running:
        yield running


@pytest.fixture(scope="module", params=["secret", "widget"])
def client(request, server) -> Client:
    return Client.new(server, "shop", request.param)


@pytest.fixture(scope="module")
def owner(server) -> Client:
    return Client.new(server, "shop")


class Chat:
    """A conversation in Chatbase's form, whose first question makes the model play these cues."""

    def __init__(self, client: Client, *cues: Mapping[str, Any], **query: str) -> None:
        self.client = client
        self.chunks = chunks(client.chat({"message": script(*cues)}, **query))
        self.id: str = begun(_strict(self.chunks[0]))["conversationId"]

    def calls(self) -> list[tuple[str, str]]:
        """Of which the caller was told: id and tool."""
        told = [chunk for chunk in self.chunks if chunk["type"] == "tool-input-available"]
        return [(chunk["toolCallId"], chunk["toolName"]) for chunk in told]

    def bring(self, call: str, output: Any = None, **more: Any) -> Any:
        body = {"toolCallId": call, "output": output, **more}
        return self.client.call("POST", f"/conversations/{self.id}/tool-result", body)

    def go_on(self, headers: Mapping[str, str] | None = None, **fields: Any) -> Any:
        return self.client.chat({"conversationId": self.id, **fields}, headers)

    def rows(self) -> list[dict[str, Any]]:
        return self.client.server.messages(uuid.UUID(self.id).hex)


def _strict(start: Mapping[str, Any]) -> dict[str, Any]:
    """`start` without what Chatbase's form has twice."""
    return {name: value for name, value in start.items() if name != "metadata"}


def taken(response: Any) -> None:
    assert (response.status_code, response.json()) == (200, {"data": {"success": True}})


def test_an_answer_goes_on_when_the_result_of_its_call_has_been_brought(client) -> None:
    chat = Chat(client, {"text": "Sure?"}, CONFIRM, DONE)
    called = {"type": "tool-input-available", "toolCallId": "call_1", "toolName": "confirm", "input": {"what": "all"}}
    assert called in chat.chunks
    assert chat.chunks[-1]["finishReason"] == chat.chunks[-1]["metadata"]["finishReason"] == "tool-calls"
    taken(chat.bring("call_1", {"yes": True}))
    response = chat.go_on()
    start, *rest = chunks(response)
    assert start == chat.chunks[0], "it is the same answer, to the same question"
    assert [chunk["delta"] for chunk in rest if chunk["type"] == "text-delta"] == ["Done."]
    assert rest[-1]["metadata"]["userMessageId"] == chat.chunks[-1]["metadata"]["userMessageId"]
    _, answer = chat.rows()
    assert (answer["text"], answer["status"], answer["finish_reason"]) == ("Sure?Done.", "complete", "stop")
    assert [part["type"] for part in answer["parts"]] == ["text", "tool-call", "tool-result", "text"]
    assert (answer["parts"][2]["toolName"], answer["parts"][2]["output"]) == ("confirm", {"yes": True})


def test_tools_that_run_here_are_no_calls_of_the_callers(client) -> None:
    for headers in (None, EVENTS):
        response = client.chat({"message": script(SUM, NOTHING, {"text": "42"})}, headers)
        told = chunks(response)
        assert [chunk["type"] for chunk in told if "tool" in chunk["type"]] == []
        assert told[-1]["finishReason"] == "stop"
        mixed = client.chat({"message": script(SUM, CONFIRM, DONE)}, headers)
        assert [chunk["toolName"] for chunk in chunks(mixed) if "toolCallId" in chunk] == ["confirm"]
    page = chunks(client.chat({"messages": [{"id": "m", "role": "user", "parts": [text(script(SUM, DONE))]}]}))
    assert [chunk["type"] for chunk in page if "tool" in chunk["type"]] == [
        *("tool-input-available", "tool-output-available"),
    ], "to pages with the AI SDK they are shown"


def test_an_answer_that_is_not_streamed_has_the_calls_that_wait_for_the_caller(owner) -> None:
    waiting = owner.ask(script({"text": "Sure?"}, SUM, CONFIRM, {"text": "So. "}, LOCATE, DONE))
    conversation = waiting["metadata"]["conversationId"]
    assert waiting["metadata"]["finishReason"] == "tool-calls"
    assert [part.get("toolName", part.get("text")) for part in waiting["parts"]] == ["Sure?", "confirm"]
    path = f"/conversations/{conversation}/tool-result"
    taken(owner.call("POST", path, {"toolCallId": "call_2", "output": True}))
    again = answered(owner.chat({"conversationId": conversation, "stream": False}))
    assert [part.get("toolName", part.get("text")) for part in again["parts"]] == ["Sure?", "So. ", "locate"]
    taken(owner.call("POST", path, {"toolCallId": "call_3"}))
    whole = answered(owner.chat({"conversationId": conversation, "stream": False}))
    assert (whole["metadata"]["finishReason"], spoken(whole)) == ("stop", "Sure?So. Done.")
    assert whole["id"] == waiting["id"]
    outputs = {part["toolCallId"]: part["output"] for part in whole["parts"] if part["type"] == "tool-result"}
    assert outputs == {"call_1": "42", "call_2": True, "call_3": None}, "a result that is left out is null"


def test_bare_lines_have_the_calls_that_the_caller_is_to_run(client) -> None:
    response = client.chat({"message": script(SUM, CONFIRM, DONE)}, format="ndjson")
    lines = [line for line in AgentsLines().frames(response.content) if line]
    assert [line["type"] for line in lines] == ["start", "tool-input-available", "finish"]
    assert (lines[1]["toolName"], lines[2]["finishReason"]) == ("confirm", "tool-calls")


def test_an_answer_that_is_tried_again_may_call_the_caller_too(client) -> None:
    chat = Chat(client, CONFIRM, DONE)
    body = {"messageId": chat.chunks[0]["messageId"]}
    again = chunks(client.call("POST", f"/conversations/{chat.id}/retry", body))
    assert again[-1]["finishReason"] == "tool-calls"
    taken(chat.bring("call_1", 1))
    assert finished(chat.go_on())["messageId"] == again[0]["messageId"]


def test_calls_side_by_side_need_all_their_results(client) -> None:
    chat = Chat(client, CONFIRM, LOCATE, SUM, DONE)
    assert chat.calls() == [("call_1", "confirm"), ("call_2", "locate")]
    assert refused(chat.go_on()) == INVALID
    taken(chat.bring("call_2", "here"))
    before = chat.rows()
    missing = chat.go_on()
    assert refused(missing) == INVALID
    assert "call_1" in missing.json()["error"]["message"]
    assert chat.rows() == before, "and the answer waits as it did"
    taken(chat.bring("call_1", 1))
    assert spoken_of(chat.go_on()) == "Done."


def test_an_answer_may_call_again_and_again(client) -> None:
    chat = Chat(client, CONFIRM, {"text": "And? "}, LOCATE, DONE)
    taken(chat.bring("call_1", 1))
    second = chunks(chat.go_on())
    assert [chunk["toolCallId"] for chunk in second if "toolCallId" in chunk] == ["call_2"], "only what is new"
    assert second[-1]["finishReason"] == "tool-calls"
    assert refused(chat.go_on()) == INVALID
    taken(chat.bring("call_2", 2))
    assert spoken_of(chat.go_on()) == "Done."
    assert len(chat.rows()) == 2


def spoken_of(response: Any) -> str:
    return "".join(chunk["delta"] for chunk in chunks(response) if chunk["type"] == "text-delta")


def test_the_same_result_may_be_brought_again_and_another_one_not(client) -> None:
    chat = Chat(client, CONFIRM, DONE)
    for output in (True, True):
        taken(chat.bring("call_1", output))
    for other in (1, False, "true", None, [True]):
        assert refused(chat.bring("call_1", other)) == (409, "RESOURCE_TOOL_CALL_RESOLVED")
    assert chat.go_on().status_code == 200
    taken(chat.bring("call_1", True))
    assert refused(chat.bring("call_1", 1)) == (409, "RESOURCE_TOOL_CALL_RESOLVED")
    assert [part["output"] for part in chat.rows()[1]["parts"] if part["type"] == "tool-result"] == [True]


def test_results_are_for_the_callers_own_calls_that_wait(client) -> None:
    chat = Chat(client, SUM, NOTHING, CONFIRM, DONE)
    before = chat.rows()
    for call in ("call_1", "call_2", "call_9", "x" * 1024):
        assert refused(chat.bring(call, "mine")) == NO_CALL
    assert chat.rows() == before
    said = Chat(client, {"text": "Hello"})
    assert refused(said.bring("call_1", 1)) == NO_CALL
    failed = Chat(client, CONFIRM, {"text": "So "}, {"fail": "upstream_failed"})
    taken(failed.bring("call_1", 1))
    assert chunks(failed.go_on())[-1]["type"] == "error"
    assert refused(failed.bring("call_2", 1)) == NO_CALL


def test_a_caller_who_goes_on_talking_leaves_the_call_without_a_result(client) -> None:
    chat = Chat(client, CONFIRM, DONE)
    assert finished(chat.go_on(message="Forget it."))["finishReason"] == "stop"
    assert refused(chat.bring("call_1", 1)) == NO_CALL
    assert refused(chat.go_on()) == INVALID
    brought = Chat(client, CONFIRM, DONE)
    taken(brought.bring("call_1", 1))
    assert spoken_of(brought.go_on(message=script({"text": "With words."}))) == "With words.", "the documents allow it"


def test_an_answer_that_failed_behind_its_results_goes_on_behind_them_once_more(client) -> None:
    chat = Chat(client, CONFIRM, {"text": "So "}, {"fail": "upstream_failed"})
    taken(chat.bring("call_1", 1))
    for _ in range(2):
        assert chunks(chat.go_on())[-1]["type"] == "error"
        assert [part["type"] for part in chat.rows()[1]["parts"]] == ["tool-call", "tool-result", "text"]
    assert len(chat.rows()) == 2


def test_nothing_goes_on_where_nothing_waits(client, server) -> None:
    chat = Chat(client, {"text": "Hello"})
    response = chat.go_on()
    assert refused(response) == INVALID
    assert "message" in response.json()["error"]["message"]
    before = chat.rows()
    assert refused(client.chat({"conversationId": str(uuid.uuid4())})) == (404, "RESOURCE_NOT_FOUND")
    assert refused(client.chat({"conversationId": "c"})) == (404, "RESOURCE_NOT_FOUND")
    for body in ({}, {"message": None}, {"userId": "ann"}, {"conversationId": chat.id, "trigger": "submit-message"}):
        response = client.chat(body)
        assert refused(response) == INVALID
        assert list(response.json()["error"]["details"]) == ["message"]
    assert chat.rows() == before
    other = Client.new(server, "shop")
    assert refused(other.chat({"conversationId": chat.id})) == (404, "RESOURCE_NOT_FOUND")
    path = f"/conversations/{chat.id}/tool-result"
    assert refused(other.call("POST", path, {"toolCallId": "call_1", "output": 1})) == (404, "RESOURCE_NOT_FOUND")


def test_a_message_that_is_null_is_one_that_is_left_out(client) -> None:
    chat = Chat(client, CONFIRM, DONE)
    taken(chat.bring("call_1", 1, note="not named, so ignored"))
    assert finished(chat.go_on(message=None, userId=None))["finishReason"] == "stop"


@pytest.mark.parametrize("output", [None, 0, False, "", "yes", [], {"a": [1, {"b": "ü"}]}], ids=repr)
def test_a_result_is_any_json(owner, output) -> None:
    chat = Chat(owner, CONFIRM, DONE)
    taken(chat.bring("call_1", output))
    taken(chat.bring("call_1", output))
    assert chat.rows()[1]["parts"][1]["output"] == output
    assert chat.go_on().status_code == 200


@pytest.mark.parametrize(("size", "status"), [(32_766, 200), (32_767, 400)])
def test_a_result_is_at_most_as_large_as_a_tools_of_the_server(owner, size, status) -> None:
    response = Chat(owner, CONFIRM, DONE).bring("call_1", "x" * size)
    assert response.status_code == status
    if status == 400:
        assert list(response.json()["error"]["details"]) == ["output"]


def test_what_is_no_result_is_refused_by_name(owner) -> None:
    chat = Chat(owner, CONFIRM, DONE)
    path, deep = f"/conversations/{chat.id}/tool-result", "[" * 65 + "]" * 65
    for body, place in (
        ({}, "toolCallId"),
        ({"toolCallId": 1}, "toolCallId"),
        ({"toolCallId": ""}, "toolCallId"),
        ({"toolCallId": "x" * 1025}, "toolCallId"),
        ({"toolCallId": "call_1", "output": json.loads(deep)}, "output"),
    ):
        response = owner.call("POST", path, body)
        assert refused(response) == INVALID
        assert list(response.json()["error"]["details"]) == [place]
    assert len(chat.rows()[1]["parts"]) == 1


def test_results_are_stored_before_they_are_acknowledged(start) -> None:
    server: Server = start(config=configured(TABLES))
    chat = Chat(Client.new(server, "shop"), CONFIRM, DONE)
    taken(chat.bring("call_1", "kept"))
    os.kill(server.worker_pid(), signal.SIGKILL)
    eventually(lambda: requests.get(f"{server.url}/ready", timeout=5).status_code == 200, 15)
    assert refused(chat.bring("call_1", "other")) == (409, "RESOURCE_TOOL_CALL_RESOLVED")
    assert spoken_of(chat.go_on()) == "Done."


def test_a_page_with_the_ai_sdk_may_bring_what_was_not_brought_yet(owner) -> None:
    chat = Chat(owner, CONFIRM, LOCATE, DONE)
    taken(chat.bring("call_2", "stored"))
    parts = [
        {"type": f"tool-{tool}", "toolCallId": call, "state": "output-available", "input": {}, "output": "posted"}
        for call, tool in chat.calls()
    ]
    response = owner.page(chat.id, assistant(chat.chunks[0]["messageId"], *parts))
    assert finished(response)["finishReason"] == "stop"
    stored = [part["output"] for part in chat.rows()[1]["parts"] if part["type"] == "tool-result"]
    assert sorted(stored) == ["posted", "stored"]


def test_a_paused_conversation_takes_results_and_goes_on_later(owner) -> None:
    chat = Chat(owner, CONFIRM, DONE)
    owner.pause(chat.id, paused=True)
    taken(chat.bring("call_1", 1))
    assert refused(chat.go_on()) == (400, "CHAT_CONVERSATION_NOT_ONGOING")
    owner.pause(chat.id, paused=False)
    assert spoken_of(chat.go_on()) == "Done."
