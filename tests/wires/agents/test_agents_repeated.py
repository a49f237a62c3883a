"""What is asked again with its Idempotency-Key: an answer that went on with the page's outputs is told from there, and
nobody gets a stranger's answer by a key that both have thought of."""

import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from support.agents import Client, answered, assistant, chunks, configured, refused, user
from support.source_addresses import FromAddress

from app.testing.asked import cursors, numbered, plain, spoken, until
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.sockets import post, read_until

TABLES = """
[agents.page]
model = "scripted"
widget_key_wires = ["agents"]
client_tools = { confirm = { description = "Asks for a yes." } }
"""
KEY = {"Idempotency-Key": "again", "Last-Event-ID": ""}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("repeated"), config=configured(TABLES)) as running:
        yield running


def brought(client: Client, *then: Mapping[str, Any]) -> dict[str, Any]:
    """The body with which a page brings the output that a new answer waits for; what the model says `then`."""
    name, question = new_session_id(), user("q1", script({"text": "Sure?"}, {"call": "confirm", "args": {}}, *then))
    start, *said = chunks(client.page(name, question))
    (called,) = [each["toolCallId"] for each in said if each["type"] == "tool-input-available"]
    part = {"type": "tool-confirm", "toolCallId": called, "state": "output-available", "input": {}, "output": "yes"}
    return {"id": name, "messages": [question, assistant(start["messageId"], part)], "trigger": "submit-message"}


def test_an_answer_that_went_on_is_told_from_there_again(server) -> None:
    client = Client.new(server, "page")
    body = brought(client, {"text": "Done"}, {"text": "."})
    first, again = (client.chat(body, KEY) for _ in range(2))
    assert again.headers["Idempotency-Replayed"] == "true"
    told = [numbered(each.content) for each in (first, again)]
    assert cursors(told[0])[0] == cursors(told[1])[0]
    assert [spoken(frames) for frames in told] == ["Done."] * 2
    assert b'"id":"t1"' in plain(told[0])
    assert b'"id":"t2"' not in plain(told[1])


def test_its_parts_have_the_same_ids_for_those_who_read_on_when_it_has_ended(server) -> None:
    client = Client.new(server, "page")
    body = brought(client, {"text": "Done"}, {"text": "."})
    frames = numbered(client.chat(body, KEY).content)
    cursor = next(cursor for cursor, frame in frames if b'"delta":"Done"' in frame)
    path = f"/conversations/{body['id']}/stream"
    headers = {"Last-Event-ID": cursor, "Accept": "text/event-stream"}
    rest = numbered(client.call("GET", path, headers=headers).content)
    assert [frame for _, frame in (*until(frames, cursor), *rest)] == [frame for _, frame in frames]


def test_an_answer_that_failed_before_it_went_on_with_a_word_is_asked_for_anew(server) -> None:
    client = Client.new(server, "page")
    body = brought(client, {"fail": "upstream_failed"})
    assert [client.chat(body, KEY).status_code for _ in range(2)] == [502, 502]


def begun(client: Client, *then: Mapping[str, Any]) -> tuple[dict[str, Any], requests.Response]:
    """The body with which a page brings its output, and the reply to its first question, which had the key."""
    question = user("q1", script({"text": "Sure?"}, {"call": "confirm", "args": {}}, *then))
    asked = {"id": new_session_id(), "messages": [question], "trigger": "submit-message"}
    first = client.chat(asked, KEY)
    said = plain(numbered(first.content))
    called, answer = (re.search(rb'"%s":"([^"]+)"' % name, said)[1].decode() for name in (b"toolCallId", b"messageId"))  # type: ignore[index]
    part = {"type": "tool-confirm", "toolCallId": called, "state": "output-available", "input": {}, "output": "yes"}
    return {**asked, "messages": [question, assistant(answer, part)]}, first


def asked_first(client: Client, body: Mapping[str, Any]) -> requests.Response:
    """The first request once more, as it may come from a proxy, late."""
    return client.chat({**body, "messages": body["messages"][:1]}, KEY)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "output"}])
def test_a_late_first_request_gets_what_it_got_and_takes_nothing_from_what_followed(server, headers) -> None:
    client = Client.new(server, "page")
    body, first = begun(client, {"text": "Done"})
    assert client.chat(body, headers).status_code == 200
    kept = client.messages(body["id"])
    again = asked_first(client, body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert numbered(again.content) == numbered(first.content)
    assert client.messages(body["id"]) == kept
    assert b'"credits":1' in plain(numbered(again.content))


def test_and_so_it_does_while_the_answer_goes_on(server) -> None:
    client = Client.new(server, "page")
    body, first = begun(client, {"pause": 2})
    running = "SELECT 1 FROM messages WHERE status = 'running' AND parts LIKE '%Sure?%'"
    with ThreadPoolExecutor(1) as pool:
        going_on = pool.submit(client.chat, body)
        eventually(lambda: server.rows(running))
        again = asked_first(client, body)
        assert server.rows(running)
    assert going_on.result().status_code == 200
    assert numbered(again.content) == numbered(first.content)


def test_what_was_dropped_when_the_answer_went_on_anew_is_told_of_and_not_asked_again(server) -> None:
    client = Client.new(server, "page")
    body, _ = begun(client, {"text": "Do"}, {"pause": 1}, {"text": "ne"})
    headers = {"Authorization": f"Bearer {client.key}", "Idempotency-Key": "output"}
    with post(server, "/api/v2/agents/page/chat", json.dumps(body).encode(), headers) as connection:
        read_until(connection, b'"Do"')
        assert client.call("POST", f"/chat/{body['id']}/stop", {}).status_code == 200
    assert client.chat(body).status_code == 200
    kept = client.messages(body["id"])
    assert refused(client.chat(body, {"Idempotency-Key": "output"})) == (409, "RESOURCE_CHANGED")
    assert client.messages(body["id"]) == kept


def test_an_answer_that_was_retried_is_still_its_keys(server) -> None:
    client = Client.new(server, "page")
    body = {"message": script({"text": "Hello"}), "stream": False}
    first = answered(client.chat(body, KEY))
    conversation, answer = first["metadata"]["conversationId"], first["id"]
    retried = answered(client.retry(conversation, answer))
    again = answered(client.chat(body, KEY))
    assert again == first != retried
    assert [each["id"] for each in client.messages(conversation)][1:] == [retried["id"]]
    assert len(client.get("/conversations")["data"]) == 1


def test_strangers_on_a_public_page_share_no_key(server) -> None:
    """Both hold the page's key; whoever has a conversation's id may read it."""
    page = Client.new(server, "page", "widget")
    body = {"message": script({"text": "Hello"}), "stream": False}
    conversations = []
    for address in ("127.8.1.1", "127.8.1.1", "127.8.2.2"):
        http = requests.Session()
        http.mount("http://", FromAddress(address))
        said = answered(Client(server, page.key, "page", http).chat(body, {"Idempotency-Key": "1"}))
        conversations.append(said["metadata"]["conversationId"])
    assert conversations[0] == conversations[1] != conversations[2]
