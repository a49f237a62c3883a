"""Who may use what of /api/v2, what each may see of it, and in which words everybody else is refused."""

import json
import uuid
from typing import Any

import pytest
import requests
from support.agents import Client, answered, chunks, refused, text, user
from support.wires import WorkersWhole

from app.testing.caller import Caller
from app.testing.server import Server, new_session_id, script

NOBODY = "5b0e6f0a-3c1d-4e7b-9a52-0d8c6f4b1e77"
JSON = {"Content-Type": "application/json"}
# A request below /api/v2 with its headers besides Authorization and its body -> status, code, names in `details`.
REFUSALS: dict[str, tuple[str, str, dict[str, str], Any, int, str, set[str]]] = {
    "not JSON": ("POST", "/agents/open/chat", JSON, b"{message: hi}", 400, "VALIDATION_INVALID_JSON", set()),
    "no body": ("POST", "/agents/open/chat", JSON, b"", 400, "VALIDATION_INVALID_JSON", set()),
    "not UTF-8": ("POST", "/agents/open/chat", JSON, b'{"message":"\xff"}', 400, "VALIDATION_INVALID_JSON", set()),
    **{
        f"body {json.dumps(body)[:70]}": ("POST", "/agents/open/chat", JSON, body, 400, "VALIDATION_INVALID_BODY", at)
        for body, at in (
            ({}, {"message"}),
            ({"message": ""}, {"message"}),
            ({"message": " \n"}, {"message"}),
            ({"message": 5}, {"message"}),
            ({"message": None}, {"message"}),
            ({"message": "hi", "messages": [user("m1", "hi")]}, {"message"}),
            ({"message": "hi", "stream": "true"}, {"stream"}),
            ({"message": "hi", "stream": None}, {"stream"}),
            ({"message": "hi", "userId": "a b"}, {"userId"}),
            ({"message": "hi", "userId": ""}, {"userId"}),
            ({"message": "hi", "userId": "a\n"}, {"userId"}),
            ({"message": "hi", "userId": "a" * 129}, {"userId"}),
            ({"message": "hi", "userId": "é"}, {"userId"}),
            ({"message": "hi", "userId": 5}, {"userId"}),
            ({"message": "hi", "conversationId": 5}, {"conversationId"}),
            ({"message": "hi", "conversationId": ""}, {"conversationId"}),
            ({"message": "", "stream": 1, "userId": "?"}, {"message", "stream", "userId"}),
            ({"message": {"role": "user"}}, {"message.parts"}),
            ({"messages": "hi"}, {"messages"}),
            ({"messages": []}, {"messages"}),
            ({"messages": [user("m1", " ")]}, {"messages"}),
            ({"messages": [user("m1", "hi")], "trigger": "resume"}, {"trigger"}),
            ({"messages": [user("m1", "hi")], "id": "a" * 129}, {"id"}),
            ({"messages": [user("m1", "hi")], "messageId": 5}, {"messageId"}),
            ({"messages": [user("", "hi")]}, {"messages.0.id"}),
            ({"messages": [{"id": "m1", "role": "tool", "parts": [text("hi")]}]}, {"messages.0.role"}),
            ({"messages": [{"id": "m1", "role": "system", "parts": [text("hi")]}]}, {"messages"}),
            ({"messages": [{"id": "m1", "role": "assistant", "parts": [text("hi")]}]}, {"messages"}),
            ({"messages": [{"id": "m1", "role": "user", "parts": []}]}, {"messages"}),
            ({"messages": [{"id": "m1", "role": "user", "content": "hi"}]}, {"messages.0.parts"}),
            ({"messages": [{"id": "m1", "role": "user", "parts": ["hi"]}]}, {"messages.0.parts.0"}),
            ({"messages": [{"id": "m1", "role": "user", "parts": [{"text": "hi"}]}]}, {"messages.0.parts.0.type"}),
            ({"messages": [{"id": "m1", "role": "user", "parts": [{"type": "text"}]}]}, {"messages.0.parts.0.text"}),
        )
    },
    "a retry of nothing": ("POST", f"/agents/open/conversations/{NOBODY}/retry", JSON, {}, 400,
                           "VALIDATION_INVALID_BODY", {"messageId"}),
    "a retry in no conversation": ("POST", f"/agents/open/conversations/{NOBODY}/retry", JSON, {"messageId": "x"}, 404,
                                   "RESOURCE_NOT_FOUND", set()),
    "a conversation that is none": ("POST", "/agents/open/chat", JSON, {"message": "hi", "conversationId": NOBODY}, 404,
                                    "RESOURCE_NOT_FOUND", set()),
    "a pause of nothing": ("PATCH", f"/agents/open/conversations/{NOBODY}", JSON, {"paused": True}, 404,
                           "RESOURCE_NOT_FOUND", set()),
    "another agent": ("POST", "/agents/site/chat", JSON, {"message": "hi"}, 404, "AGENT_NOT_FOUND", set()),
    "no agent": ("GET", "/agents/nobody", {}, None, 404, "AGENT_NOT_FOUND", set()),
    "no agent's conversations": ("GET", "/agents/nobody/conversations", {}, None, 404, "AGENT_NOT_FOUND", set()),
    "no path": ("GET", "/nothing", {}, None, 404, "RESOURCE_NOT_FOUND", set()),
    "another method": ("DELETE", "/agents/open", {}, None, 405, "METHOD_NOT_ALLOWED", set()),
    "another type": ("POST", "/agents/open/chat", {"Content-Type": "text/plain"}, b"{}", 415,
                     "VALIDATION_UNSUPPORTED_MEDIA_TYPE", set()),
    "too much": ("POST", "/agents/open/chat", JSON, b" " * 300_000, 413, "VALIDATION_BODY_TOO_LARGE", set()),
    "a model that refuses": ("POST", "/agents/open/chat", JSON, {"message": script({"refuse": "overloaded"})}, 503,
                             "SERVICE_OVERLOADED", set()),
    "a model that fails": ("POST", "/agents/open/chat", JSON,
                           {"message": script({"text": "x"}, {"fail": "upstream_failed"}), "stream": False}, 502,
                           "CHAT_MODEL_FAILED", set()),
    "a bug": ("POST", "/agents/open/chat", JSON, {"message": script({"fail": "crash"}), "stream": False}, 500,
              "INTERNAL_SERVER_ERROR", set()),
}  # fmt: skip


@pytest.fixture(scope="module")
def client(server) -> Client:
    return Client.new(server)


@pytest.fixture(scope="module")
def visitor(server) -> Client:
    """With a widget's key."""
    return Client.new(server, kind="widget")


def test_a_widget_key_is_taken_only_where_the_agent_says_so(start) -> None:
    server: Server = start(changes={'public = true\nwidget_key_wires = ["agents"]': "public = true"})
    secret, widget = Client.new(server), Client.new(server, kind="widget")
    assert refused(widget.chat({"message": "hi"})) == (403, "AUTH_INSUFFICIENT_PERMISSIONS")
    assert refused(widget.call("GET")) == (403, "AUTH_INSUFFICIENT_PERMISSIONS")
    assert secret.chat({"message": "hi"}).status_code == 200
    body = {"sessionId": "s", "message": "hi"}
    assert requests.post(f"{server.url}/v1/chat", json=body, headers={"x-api-key": widget.key}, timeout=30).ok


def send(server: Server, method: str, path: str, headers: dict[str, str], body: Any = None) -> requests.Response:
    data = body if isinstance(body, bytes | None) else json.dumps(body)
    return requests.request(method, f"{server.url}/api/v2{path}", data=data, headers=headers, timeout=30)


@pytest.mark.parametrize("name", REFUSALS)
def test_each_mistake_has_its_code_and_names_its_fields(client, name) -> None:
    method, path, headers, body, status, code, places = REFUSALS[name]
    response = send(client.server, method, path, {"Authorization": f"Bearer {client.key}", **headers}, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert set(response.json()) == {"error"}
    assert set(error) == {"code", "message", *(["details"] if places else [])}
    assert set(error.get("details", ())) == places
    assert all(isinstance(words, str) and words for words in [error["message"], *error.get("details", {}).values()])


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "AUTH_MISSING_API_KEY"),
        ({"x-api-key": "{}"}, "AUTH_MISSING_API_KEY"),
        ({"Authorization": ""}, "AUTH_INVALID_API_KEY"),
        ({"Authorization": "Bearer"}, "AUTH_INVALID_API_KEY"),
        ({"Authorization": "Bearer wrong"}, "AUTH_INVALID_API_KEY"),
        ({"Authorization": "Bearer {}x"}, "AUTH_INVALID_API_KEY"),
        ({"Authorization": "Basic {}"}, "AUTH_INVALID_API_KEY"),
        ({"Authorization": "{}"}, "AUTH_INVALID_API_KEY"),
    ],
)
def test_a_key_that_is_missing_is_told_from_one_that_is_wrong(client, headers, code) -> None:
    given = {name: value.format(client.key) for name, value in headers.items()}
    for method, path, body in (
        ("GET", "/agents", None),
        ("GET", "/agents/nobody", None),
        ("GET", "/agents/open/conversations", None),
        ("POST", "/agents/open/chat", b"{"),
    ):
        response = send(client.server, method, path, {**JSON, **given}, body)
        assert refused(response) == (401, code)
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_health_needs_no_key(server) -> None:
    response = requests.get(f"{server.url}/api/v2/health", timeout=5)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_agents_are_shown_without_what_they_are_told(start) -> None:
    told = 'name = "Open"\ninstructions = "Never mention Rumpelstiltskin."'
    client = Client.new(start(changes={'name = "Open"': told}))
    tools = ["calculator", "clock", "knowledge"]
    expected = {"id": "open", "name": "Open", "model": "scripted", "tools": tools, "visibility": "public"}
    assert client.get() == {"data": expected}
    headers = {"Authorization": f"Bearer {client.key}"}
    pages = {"cursor": None, "hasMore": False, "total": 1}
    for query in ("", "?limit=100"):
        listed = send(client.server, "GET", f"/agents{query}", headers).json()
        assert listed == {"data": [expected], "pagination": pages}, "official clients ask for pages here too"


def test_what_belongs_to_others_is_as_if_it_did_not_exist(server, client) -> None:
    answer = client.ask("x", userId="ann")
    conversation, message = answer["metadata"]["conversationId"], answer["id"]
    workers, question = Caller(WorkersWhole(), server, client.key), script({"text": new_session_id()})
    workers.ask(question)
    elsewhere = str(uuid.UUID(workers.stored(question)[0]["conversation_id"]))
    others = [(other, conversation) for other in (Client.new(server), Client.new(server, "site"))]
    for other, foreign in [*others, (client, elsewhere)]:
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/messages", None),
            ("PATCH", "", {"paused": True}),
            ("PATCH", f"/messages/{message}/feedback", {"feedback": "positive"}),
            ("POST", "/retry", {"messageId": message}),
        ):
            theirs, nobodys = (other.call(method, f"/conversations/{each}{path}", body) for each in (foreign, NOBODY))
            assert refused(theirs) == (404, "RESOURCE_NOT_FOUND")
            assert theirs.content == nobodys.content
        assert refused(other.chat({"message": "y", "conversationId": foreign})) == (404, "RESOURCE_NOT_FOUND")
        listed = other.get("/conversations")["data"] + other.get("/users/ann/conversations")["data"]
        assert foreign not in [each["id"] for each in listed]
    misled = Client(server, client.key, "site").call("GET", f"/conversations/{conversation}")
    assert refused(misled) == (404, "AGENT_NOT_FOUND")
    assert client.said(conversation) == [("user", "x"), ("assistant", "Hello")]


@pytest.mark.parametrize("name", ["x", "0" * 31, "%20", "..%2F..", "é", "'; --", "a" * 500, NOBODY.replace("-", "_")])
def test_what_cannot_be_a_conversations_id_is_404(client, name) -> None:
    for path in f"/conversations/{name}", f"/conversations/{name}/messages":
        assert refused(client.call("GET", path)) == (404, "RESOURCE_NOT_FOUND")


def test_a_widgets_key_may_chat_and_read_nothing(client, visitor) -> None:
    answer = visitor.ask("x", userId="ann")
    conversation = answer["metadata"]["conversationId"]
    assert chunks(visitor.chat({"message": "y", "conversationId": conversation}))
    assert chunks(visitor.page(new_session_id(), user("m1", "hi")))
    assert answered(visitor.call("GET"))["id"] == "open"
    for method, path, body in (
        ("GET", "/conversations", None),
        ("GET", "/users/ann/conversations", None),
        ("GET", f"/conversations/{conversation}", None),
        ("GET", f"/conversations/{NOBODY}", None),
        ("GET", f"/conversations/{conversation}/messages", None),
        ("PATCH", f"/conversations/{conversation}", {"paused": True}),
        ("PATCH", f"/conversations/{conversation}/messages/{answer['id']}/feedback", {"feedback": "positive"}),
    ):
        assert refused(visitor.call(method, path, body)) == (403, "AUTH_INSUFFICIENT_PERMISSIONS")
    assert refused(client.call("GET", f"/conversations/{conversation}")) == (404, "RESOURCE_NOT_FOUND")
