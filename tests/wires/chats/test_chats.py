"""Signed-in chats: made, listed, asked, read, deleted; what is streamed, and what is refused in which words."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import datetime

import pytest
from support.users import Person, refusal

from app.testing.server import Server, eventually, script
from app.testing.sockets import post, read_until

MISSING = "5b0e6f0a-3c1d-4e7b-9a52-0d8c6f4b1e77"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
NOWHERE = """
[models.nowhere]
provider = "openai"
base_url = "http://127.0.0.1:1/v1"
model = "m-1"
aliases = ["best", "first"]

[models.builtin]
"""
CHANGES = {'[agents.open]                      # callers without a key come here\nname = "Open"\nmodel = "scripted"':
           '[agents.open]\nname = "Open"\nmodel = ["nowhere", "scripted"]',
           "[models.builtin]\n": NOWHERE.lstrip(), 'chats = "100000/minute"': 'chats = "8/minute"'}  # fmt: skip


@pytest.fixture(scope="module")
def ada(server) -> Person:
    return Person.new(server)


@pytest.fixture(scope="module")
def bob(server) -> Person:
    return Person.new(server)


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Iterator[Server]:
    """Its agent's first model never answers, and eight requests a minute are allowed."""
    with Server(tmp_path_factory.mktemp("other"), changes=CHANGES) as running:
        yield running


def test_a_chat_is_made_listed_and_deleted_with_all_that_was_said(server, ada) -> None:
    made = ada.call("POST", "/api/chats", {"title": "Plans"})
    chat = made.json()
    assert (made.status_code, set(chat), chat["title"]) == (201, {"id", "title", "createdAt"}, "Plans")
    assert str(uuid.UUID(chat["id"])) == chat["id"]
    assert re.fullmatch(MOMENT, chat["createdAt"])
    assert ada.ask(chat["id"], "hello").status_code == 201
    (listed,) = [each for each in ada.call("GET", f"/api/users/{ada.id}/chats").json()["chats"] if each == {
        **chat, "updatedAt": each["updatedAt"]}]  # fmt: skip
    assert listed["updatedAt"] > listed["createdAt"]
    deleted = ada.call("DELETE", f"/api/chats/{chat['id']}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert refusal(ada.call("GET", f"/api/chats/{chat['id']}/messages")) == (404, "Not Found", "Chat does not exist")
    assert refusal(ada.call("DELETE", f"/api/chats/{chat['id']}"))[0] == 404
    assert server.messages(uuid.UUID(chat["id"]).hex) == []


def test_chats_are_listed_by_page_the_latest_begun_first(server) -> None:
    carol = Person.new(server)
    made = [carol.chat(f"{number}") for number in range(23)]
    assert carol.ask(made[0], "hello").status_code == 201, "which does not bring it to the front"
    path, listed = f"/api/users/{carol.id}/chats", []
    for offset in (0, 10, 20, 30):
        page = carol.call("GET", path, limit=10, offset=offset).json()
        assert (page["total"], page["limit"], page["offset"]) == (23, 10, offset)
        listed += [(each["createdAt"], each["id"]) for each in page["chats"]]
    assert {each for _, each in listed} == set(made)
    assert [moment for moment, _ in listed] == sorted((moment for moment, _ in listed), reverse=True)
    assert len(carol.call("GET", path).json()["chats"]) == 20
    for query in ({"limit": 0}, {"limit": 101}, {"limit": "x"}, {"offset": -1}, {"offset": "1e3"}, {"limit": ""}):
        status, _, message = refusal(carol.call("GET", path, **query))
        assert (status, message.split(":")[0]) == (400, next(iter(query)))


def test_an_answer_in_one_piece_is_the_two_messages_as_they_are_read_later(ada) -> None:
    chat = ada.chat()
    question = script({"text": "Two: "}, {"call": "calculator", "args": {"expression": "1+1"}}, {"text": "2"})
    response = ada.ask(chat, question)
    body = response.json()
    assert (response.status_code, set(body)) == (201, {"userMessage", "assistantMessage", "chatId"})
    assert body["chatId"] == chat
    asked, answered = body["userMessage"], body["assistantMessage"]
    assert asked == {"id": asked["id"], "role": "user", "content": question, "createdAt": asked["createdAt"],
                     "status": "complete"}  # fmt: skip
    call = {"toolCallId": "call_1", "toolName": "calculator", "toolArgs": {"expression": "1+1"}, "result": "2"}
    assert answered == {"id": answered["id"], "role": "assistant", "content": "Two: 2", "status": "complete",
                        "createdAt": answered["createdAt"], "model": "scripted", "toolCalls": [call]}  # fmt: skip
    assert datetime.fromisoformat(asked["createdAt"]) <= datetime.fromisoformat(answered["createdAt"])
    assert ada.messages(chat) == [asked, answered]


def test_a_stream_is_start_content_tools_and_end(ada) -> None:
    chat = ada.chat()
    question = script(
        {"text": "So"},
        {"reasoning": "not shown"},
        {"call": "calculator", "args": {"expression": "6*7"}},
        {"call": "calculator", "args": {"expression": "1/0"}},
        {"text": " 42"},
    )
    start, *between, end = ada.stream(chat, question)
    answer = ada.messages(chat)[-1]
    assert (start, end) == ({"type": "start", "messageId": answer["id"]}, {"type": "end", "messageId": answer["id"]})
    tool = {"toolName": "calculator"}
    assert between[0] == {"type": "content", "delta": "So"}
    assert between[1:3] == [
        {"type": "tool_call", "toolCallId": "call_1", **tool, "toolArgs": {"expression": "6*7"}},
        {"type": "tool_call", "toolCallId": "call_2", **tool, "toolArgs": {"expression": "1/0"}},
    ]
    assert sorted(between[3:5], key=lambda event: event["toolCallId"]) == [
        {"type": "tool_result", "toolCallId": "call_1", **tool, "result": "42"},
        {"type": "tool_result", "toolCallId": "call_2", **tool, "result": "division by zero", "isError": True},
    ]
    assert between[5:] == [{"type": "content", "delta": " 42"}]
    assert [call.get("isError") for call in answer["toolCalls"]] == [None, True]


@pytest.mark.parametrize(
    ("problem", "error", "message"),
    [
        ("upstream_failed", "MODEL_UNAVAILABLE", "The model failed to answer"),
        ("overloaded", "MODEL_UNAVAILABLE", "The server is at capacity"),
        ("upstream_timeout", "MODEL_TIMEOUT", "The model took too long to answer"),
        ("crash", "INTERNAL_ERROR", "Internal server error"),
        ("exhausted", "EXHAUSTED", "The credits are used up"),
    ],
)
def test_a_failure_in_a_stream_is_its_last_event(ada, problem, error, message) -> None:
    chat = ada.chat()
    *_, last = ada.stream(chat, script({"text": "so far"}, {"fail": problem}))
    assert last == {"type": "error", "error": error, "message": message}
    answer = ada.messages(chat)[-1]
    assert (answer["content"], answer["status"]) == ("so far", "failed")


def test_a_chat_without_a_title_gets_one_from_its_first_message_and_a_given_one_stays(ada) -> None:
    unnamed, named = ada.chat(), ada.chat("Mine")
    for chat in (unnamed, named):
        for text in ("What  is\nnew?", "And then?"):
            assert ada.ask(chat, text).status_code == 201
    found = {
        each["id"]: each["title"] for each in ada.call("GET", f"/api/users/{ada.id}/chats", limit=100).json()["chats"]
    }
    assert (found[unnamed], found[named]) == ("What is new?", "Mine")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"content": ""}, "content"),
        ({"content": " \n "}, "content"),
        ({"content": "x" * 100_001}, "content"),
        ({"content": None}, "content"),
        ({"modelId": ""}, "modelId"),
        ({"modelId": "gpt-9"}, "modelId"),
        ({"modelId": 4}, "modelId"),
        ({"userId": None}, "userId"),
        ({"workflowId": "w1"}, "workflowId"),
        ({"workflowId": 1}, "workflowId"),
        ({"stream": True}, "stream"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_message_that_cannot_be_taken_is_400_with_the_field_named(ada, change, place) -> None:
    for chat in (ada.chat(), MISSING):
        for path in (f"/api/chats/{chat}/messages", f"/api/chats/{chat}/messages/stream"):
            status, error, message = refusal(ada.call("POST", path, ada.message("hello", **change)))
            assert (status, error, message.split(":")[0]) == (400, "Bad Request", place)
    assert ada.messages(ada.chat()) == []


def test_a_model_that_is_none_is_told_which_there_are(ada) -> None:
    message = refusal(ada.ask(ada.chat(), "hello", modelId="gpt-9"))[2]
    assert message == "modelId: There is no such model; there are: scripted, builtin, gpt-4."


@pytest.mark.parametrize("chat", ["1", "x" * 32, "00000000000000000000000000000000", f"{MISSING}0", f"{{{MISSING}}}"])
def test_a_path_id_that_is_no_uuid_is_400_with_the_parameter_named(ada, chat) -> None:
    for method, path in (
        ("GET", f"/api/chats/{chat}/messages"),
        ("POST", f"/api/chats/{chat}/messages"),
        ("POST", f"/api/chats/{chat}/messages/stream"),
        ("DELETE", f"/api/chats/{chat}"),
    ):
        refused = refusal(ada.call(method, path, ada.message("hello")))
        assert refused == (400, "Bad Request", "chatId: Not a valid UUID.")
    assert refusal(ada.call("GET", f"/api/users/{chat}/chats")) == (400, "Bad Request", "userId: Not a valid UUID.")


def test_a_body_may_be_wrapped(ada) -> None:
    chat = ada.call("POST", "/api/chats", {"data": {"title": "Wrapped", "userId": ada.id}}).json()
    assert chat["title"] == "Wrapped"
    answered = ada.call("POST", f"/api/chats/{chat['id']}/messages", {"data": ada.message("hello")})
    assert answered.json()["assistantMessage"]["content"] == "Hello"
    for wrong in ({"data": {}}, {"data": []}, {"data": {"data": ada.message("x")}}, {"data": {}, **ada.message("x")}):
        assert refusal(ada.call("POST", f"/api/chats/{chat['id']}/messages", wrong))[0] == 400


def test_another_users_chat_is_403_and_a_missing_one_404(ada, bob) -> None:
    theirs = bob.chat()
    post_to = (403, "Forbidden", "Cannot post to another user's chat")
    missing = (404, "Not Found", "Chat does not exist")
    for chat, refused in ((theirs, post_to), (MISSING, missing), (theirs.upper(), post_to)):
        for path in (f"/api/chats/{chat}/messages", f"/api/chats/{chat}/messages/stream"):
            assert refusal(ada.call("POST", path, ada.message("hello"))) == refused
    assert refusal(ada.call("GET", f"/api/chats/{theirs}/messages"))[:2] == (403, "Forbidden")
    assert refusal(ada.call("DELETE", f"/api/chats/{theirs}"))[:2] == (403, "Forbidden")
    assert refusal(ada.call("GET", f"/api/chats/{MISSING}/messages")) == missing
    assert refusal(ada.call("DELETE", f"/api/chats/{MISSING}")) == missing
    assert bob.messages(theirs) == []


def test_a_user_id_that_is_not_the_sessions_is_403(ada, bob) -> None:
    chat = ada.chat()
    for user in (bob.id, "user-123", MISSING):
        assert refusal(ada.ask(chat, "hello", userId=user)) == (403, "Forbidden", "Cannot post to another user's chat")
        assert refusal(ada.call("POST", "/api/chats", {"userId": user}))[:2] == (403, "Forbidden")
        assert refusal(ada.ask(MISSING, "hello", userId=user))[0] == 404
    assert refusal(ada.call("GET", f"/api/users/{bob.id}/chats"))[:2] == (403, "Forbidden")
    assert ada.messages(chat) == []


def test_another_wires_conversation_is_no_chat(server, ada) -> None:
    body = {"sessionId": "elsewhere", "message": "hello"}
    ada.http.post(f"{server.url}/chat", json=body, headers={"x-api-key": server.key("widget")}, timeout=30)
    (row,) = server.rows("SELECT id FROM conversations WHERE channel = 'widget' AND external_id = 'elsewhere'")
    assert refusal(ada.call("GET", f"/api/chats/{uuid.UUID(row['id'])}/messages"))[0] == 404


def test_a_chat_that_is_being_answered_takes_no_second_question(server, ada) -> None:
    chat, token = ada.chat(), ada.http.cookies["parlance_session"]
    body = ada.message(script({"text": "first"}, {"pause": 60.25}))
    headers = {"Cookie": f"parlance_session={token}", "Connection": "close"}
    path = f"/api/chats/{chat}/messages/stream"
    with post(server, path, json.dumps(body).encode(), headers) as connection:
        read_until(connection, b'"first"')
        busy = (409, "WORKFLOW_RUN_IN_PROGRESS", "This conversation is still being answered")
        assert refusal(ada.ask(chat, "hello")) == busy
        assert refusal(ada.call("POST", path, ada.message("hello"))) == busy
        assert ada.call("DELETE", f"/api/chats/{chat}").status_code == 204, "it may be deleted"
    eventually(lambda: server.rows("SELECT id FROM conversations WHERE id = ?", uuid.UUID(chat).hex) == [])
    assert server.messages(uuid.UUID(chat).hex) == []


def test_models_and_tools_are_listed_without_their_secrets(ada) -> None:
    listed = [{"id": name, "name": name, "provider": name} for name in ("scripted", "builtin")]
    assert ada.call("GET", "/api/models").json() == {"models": listed}
    tools = ada.call("GET", "/api/tools").json()["tools"]
    assert [tool["id"] for tool in tools] == ["calculator", "clock", "knowledge"]
    for tool in tools:
        assert set(tool) == {"id", "name", "description", "parameters"}
        assert tool["parameters"]["type"] == "object"
    assert tools[0]["parameters"]["required"] == ["expression"]


def test_a_workflow_that_does_not_exist_is_404(ada) -> None:
    chat = ada.chat()
    assert refusal(ada.ask(chat, "hello", workflowId=MISSING)) == (404, "Not Found", "Workflow does not exist")
    assert ada.ask(chat, "hello", workflowId=None).status_code == 201


def test_what_a_user_said_is_exported_and_erased_under_the_users_id(server) -> None:
    dora = Person.new(server)
    assert dora.ask(dora.chat(), "hello").status_code == 201
    user = uuid.UUID(dora.id).hex
    assert '"hello"' in server.flask("conversations", "export", "--agent", "open", "--user", user).stdout
    assert server.flask("conversations", "erase", "--user", user).stdout == "1\n"
    assert dora.call("GET", f"/api/users/{dora.id}/chats").json()["total"] == 0


def test_the_first_model_is_replaced_by_those_behind_it_and_any_other_stands_alone(other) -> None:
    person = Person.new(other)
    chat = person.chat()
    models = [
        person.ask(chat, "hello", modelId=name).json() for name in ("nowhere", "best", "first", "builtin", "gpt-4")
    ]
    answering = [answer["assistantMessage"]["model"] for answer in models]
    assert answering == ["scripted", "scripted", "scripted", "builtin", "builtin"]
    assert "nowhere, best, first, builtin, gpt-4." in refusal(person.ask(chat, "hello", modelId="GPT-4"))[2]


def test_who_has_no_session_is_401_even_over_the_limit_and_429_comes_before_400(other) -> None:
    person, stranger = Person.new(other), Person(other)
    strangers = [stranger.call("POST", "/api/chats", {}) for _ in range(10)]
    assert {refusal(each) for each in strangers} == {(401, "Unauthorized", "Valid session required")}
    assert [each.headers["X-RateLimit-Remaining"] for each in strangers] == [*"7654321000"]
    assert refusal(stranger.sign_in())[:2] == (429, "Too Many Requests"), "the guesses were counted"
    spent = [person.call("POST", "/api/chats/x/messages", {}) for _ in range(9)]
    assert [each.status_code for each in spent] == [400] * 8 + [429], "signing up was the address's"
    assert [each.headers["X-RateLimit-Limit"] for each in spent] == ["8"] * 9
    assert all(0 < int(each.headers["X-RateLimit-Reset"]) <= 60 for each in spent)
    assert 1 <= int(spent[-1].headers["Retry-After"]) <= 60


def test_chats_go_on_when_another_agent_answers(tmp_path) -> None:
    with Server(tmp_path) as before:
        person = Person.new(before)
        chat = person.chat()
        assert person.ask(chat, "hello").status_code == 201
    with Server(tmp_path, changes={"public = true": "", "[agents.site]": "[agents.site]\npublic = true"}) as after:
        person.server = after
        assert person.ask(chat, "hello", modelId="builtin").status_code == 201
        assert [message["model"] for message in person.messages(chat)[1::2]] == ["scripted", "builtin"]
        assert person.call("GET", f"/api/users/{person.id}/chats").json()["total"] == 1
