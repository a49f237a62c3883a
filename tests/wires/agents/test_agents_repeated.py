"""What is asked again with its Idempotency-Key: an answer that went on with the page's outputs is told from there, and
nobody gets a stranger's answer by a key that both have thought of."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from support.agents import Client, answered, assistant, chunks, configured, user
from support.source_addresses import FromAddress

from app.testing.asked import cursors, numbered, plain, spoken, until
from app.testing.server import Server, new_session_id, script

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
