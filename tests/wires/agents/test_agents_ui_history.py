"""Messages as the AI SDK's UI messages, conversations found by the page's own name for them, and what a key is told of
itself. tests/clients has the SDK's own check."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from support.agents import Client, chunks, configured, finished, keys, refused, user

from app.testing.server import Server, new_session_id, script

TABLES = """
[agents.page]
model = "scripted"
tools = ["calculator"]
client_tools = { confirm = { description = "Asks for a yes." }, locate = { description = "Tells where." } }
"""
SUM = {"call": "calculator", "args": {"expression": "6*7"}}
CONFIRM, LOCATE = {"call": "confirm"}, {"call": "locate"}
START = {"type": "step-start"}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("ui"), config=configured(TABLES)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server) -> Client:
    return Client.new(server, "page")


def asked(client: Client, *cues: dict[str, Any]) -> str:
    """The page's name for a chat in which these cues were played."""
    name = new_session_id()
    finished(client.page(name, user("q1", script(*cues))))
    return name


def ui(client: Client, name: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/conversations/{name}/messages", format="ui", **query)["data"]
    return found


def done(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "state": "done"}


def test_a_message_has_the_parts_that_the_stream_made(client) -> None:
    name = asked(client, {"reasoning": "Hm"}, {"text": "So: "}, SUM, {"call": "nothing"}, {"text": "42"})
    question, answer = ui(client, name)
    assert question["parts"][0]["type"] == "text"
    assert [part["type"] for part in answer["parts"]] == [
        *("step-start", "reasoning", "text", "tool-calculator", "tool-nothing", "step-start", "text"),
    ]
    call = {"type": "tool-calculator", "toolCallId": "call_1", "input": {"expression": "6*7"}}
    assert answer["parts"][3] == {**call, "state": "output-available", "output": "42"}
    assert answer["parts"][4]["state"] == "output-error"
    assert "There is no such tool" in answer["parts"][4]["errorText"]
    said = answer["metadata"]
    (conversation,) = client.server.rows("SELECT id FROM conversations WHERE external_id = ?", name)
    (_, row) = client.server.messages(conversation["id"])
    assert said == {
        "conversationId": str(uuid.UUID(conversation["id"])),
        "messageId": answer["id"],
        "userId": None,
        "createdAt": row["created_at"],
        "model": "scripted",
        "finishReason": "stop",
        "usage": {"credits": 1},
        "inputTokens": row["prompt_tokens"],
        "outputTokens": row["completion_tokens"],
        "totalTokens": row["prompt_tokens"] + row["completion_tokens"],
    }
    assert {*question["metadata"]} == {"conversationId", "messageId", "userId", "createdAt"}


def test_a_call_without_a_result_waits_only_where_a_result_is_taken(client) -> None:
    name = asked(client, SUM, CONFIRM, LOCATE, {"text": "Done."})
    bring = f"/conversations/{name}/tool-result"
    assert client.call("POST", bring, {"toolCallId": "call_3", "output": {"city": "Ulm"}}).status_code == 200
    (_, answer) = ui(client, name)
    states = [part.get("state") for part in answer["parts"][1:]]
    assert states == ["output-available", "input-available", "output-available"]
    assert "output" not in answer["parts"][2]
    finished(client.page(name, user("q2", script({"text": "Other."}))))
    (_, answer, _, last) = ui(client, name)
    assert answer["parts"][2]["state"] == "output-error", "the caller has gone on talking"
    assert last["parts"] == [START, done("Other.")]
    first_page = client.get(f"/conversations/{name}/messages", format="ui", limit=2)
    earlier = ui(client, name, limit=2, cursor=first_page["pagination"]["cursor"])
    assert [earlier[1]["id"], earlier[1]["parts"][2]["state"]] == [answer["id"], "output-error"]


@pytest.mark.parametrize("ending", [{"fail": "upstream_failed"}, {"text": ""}], ids=str)
def test_an_answer_without_a_word_has_a_part_still(client, ending) -> None:
    name = new_session_id()
    client.page(name, user("q1", script({"pause": 0}, ending)))
    (_, answer) = ui(client, name)
    assert [part for part in answer["parts"] if part.get("text") != ""] == [START]


def test_pages_are_those_of_the_plain_form(client) -> None:
    name = asked(client, {"text": "1"})
    for number in (2, 3):
        finished(client.page(name, user(f"q{number}", script({"text": str(number)}))))
    plain = client.get(f"/conversations/{name}/messages", limit=4)
    found = client.get(f"/conversations/{name}/messages", limit=4, format="ui")
    assert [each["id"] for each in found["data"]] == [each["id"] for each in plain["data"]]
    assert found["pagination"]["total"] == 6
    rest = ui(client, name, limit=4, cursor=plain["pagination"]["cursor"])
    assert [each["role"] for each in rest] == ["user", "assistant"]


def test_a_conversation_is_found_by_the_pages_own_name_for_it_too(server, client) -> None:
    name = asked(client, CONFIRM, {"text": "Done."})
    whole = client.get(f"/conversations/{name}")["data"]
    by_id = client.get(f"/conversations/{whole['id']}")["data"]
    assert whole == by_id
    assert client.get(f"/conversations/{whole['id'].upper()}")["data"] == by_id
    assert client.messages(name) == client.messages(whole["id"])
    assert client.pause(name, paused=True).json()["data"] == {"id": whole["id"], "status": "paused"}
    assert client.rate(name, whole["messages"][1]["id"], "positive").status_code == 200
    assert ui(client, name)[1]["metadata"]["feedback"] == "positive"
    other = Client.new(server, "page")
    for path in (f"/conversations/{name}", f"/conversations/{name}/messages?format=ui"):
        assert refused(other.call("GET", path)) == (404, "RESOURCE_NOT_FOUND"), "a name is its owner's"
    result = other.call("POST", f"/conversations/{name}/tool-result", {"toolCallId": "call_1"})
    assert refused(result) == (404, "RESOURCE_NOT_FOUND")
    assert refused(client.call("GET", f"/conversations/{'x' * 500}")) == (404, "RESOURCE_NOT_FOUND")


def test_a_name_that_looks_like_an_id_is_the_name(client) -> None:
    first = client.ask("one")["metadata"]["conversationId"]
    named = first.upper()  # which is no id to those who post it, but a name of their own
    finished(client.page(named, user("q1", script({"text": "two"}))))
    assert client.said(named)[1] == ("assistant", "two")
    assert client.said(first)[0] == ("user", "one")


def test_another_format_and_a_widget_key_are_refused(server, client) -> None:
    name = asked(client, {"text": "x"})
    response = client.call("GET", f"/conversations/{name}/messages", format="xml")
    assert refused(response) == (400, "VALIDATION_INVALID_BODY")
    assert list(response.json()["error"]["details"]) == ["format"]
    widget = Client.new(server, "open", "widget")
    for path in ("/conversations/x/messages?format=ui", "/../../me"):
        url = f"{server.url}/api/v2/me" if "me" in path[-3:] else f"{server.url}/api/v2/agents/open{path}"
        response = requests.get(url, headers={"Authorization": f"Bearer {widget.key}"}, timeout=5)
        assert refused(response) == (403, "AUTH_INSUFFICIENT_PERMISSIONS")


@pytest.mark.parametrize("budget", [None, 5])
def test_a_key_is_told_what_it_opens_and_what_is_left(server, budget) -> None:
    key = keys(server).create("secret", "page", name="of the tests", budget=budget)
    client = Client(server, key, "page")
    client.ask("Hello")

    def me() -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        return requests.get(f"{server.url}/api/v2/me", headers=headers, timeout=5)

    response = me()
    found = response.json()
    assert found["workspace"] == {"id": "page", "name": "page"}
    assert found["agent"] == client.get()["data"]
    assert found["agent"]["visibility"] == "private"
    credential = found["credential"]
    assert (credential["name"], credential["kind"], credential["permissions"]) == ("of the tests", "secret", None)
    assert key not in response.text
    assert found["credits"]["limit"] == budget
    assert found["credits"]["used"] in (0, 1), "keys are looked up once a second"


def test_reading_on_finds_nothing_whoevers_the_chat_is(server, client) -> None:
    name = asked(client, {"text": "x"})
    mine = client.get(f"/conversations/{name}")["data"]["id"]
    for who in (client, Client.new(server, "page"), Client.new(server, "open", "widget")):
        for chat in (name, mine, "never heard of", "users/7", "users%2F7"):
            response = who.call("GET", f"/chat/{chat}/stream")
            assert (response.status_code, response.content) == (204, b"")
            assert "Content-Type" not in response.headers
    assert refused(Client(server, "wrong", "page").call("GET", f"/chat/{name}/stream")) == (401, "AUTH_INVALID_API_KEY")
    elsewhere = Client(server, client.key, "open").call("GET", f"/chat/{name}/stream")
    assert refused(elsewhere) == (404, "AGENT_NOT_FOUND")


def test_a_chat_that_is_not_there_yet_has_nothing_to_stop(server, client) -> None:
    page = Client.new(server, "open", "widget")
    for who in (client, page):
        response = who.call("POST", "/chat/never heard of/stop", {})
        assert (response.status_code, response.content) == (204, b"")
    name = asked(client, {"text": "x"})
    for body in (None, {}, {"assistantMessage": user("m", "x")}, {"activeStreamId": None, "assistantMessage": None}):
        response = client.call("POST", f"/chat/{name}/stop", body)
        assert (response.status_code, response.json()) == (200, {"success": True}), "it has ended already"
    assert refused(client.call("POST", f"/chat/{name}/stop", {"assistantMessage": "x"})) == (
        400,
        "VALIDATION_INVALID_BODY",
    )


def test_a_message_has_the_sources_that_the_stream_had(server) -> None:
    search = {"call": "knowledge", "args": {"query": "How do I change the rate limit?"}}
    client, name = Client.new(server, "open"), new_session_id()
    streamed = [
        chunk
        for chunk in chunks(client.page(name, user("q1", script(search, {"text": "So."}))))
        if chunk["type"].startswith("source")
    ]
    (_, answer) = ui(client, name)
    assert [part["type"] for part in answer["parts"]][:2] == ["step-start", "tool-knowledge"]
    assert answer["parts"][2:-2] == streamed != []
    (_, plain) = client.get(f"/conversations/{name}/messages")["data"]
    assert {part["type"] for part in plain["parts"]} == {"text", "tool-call", "tool-result"}, "Chatbase's have none"
