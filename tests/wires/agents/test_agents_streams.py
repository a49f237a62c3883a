"""Which stream a request to /api/v2 gets, what its headers say, and which sources it names."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from support.agents import Client, chunks, configured, refused, user
from support.wires import AgentsLines

from app.testing.server import Server, script

TABLES = """
[agents.lines]
model = "scripted"
stream_format = "ndjson"

[agents.reader]
model = "scripted"
knowledge = ["knowledge/*.md"]
"""
SSE, LINES = "text/event-stream; charset=utf-8", "application/x-ndjson"
EVENTS, BARE = "text/event-stream", "application/x-ndjson"
SHAPES = {
    "string": {"message": "hi"},
    "string, trigger": {"message": "hi", "trigger": "submit-message"},
    "messages": {"messages": [user("m1", "hi")]},
    "messages, trigger": {"messages": [user("m1", "hi")], "trigger": "submit-message"},
    "object": {"message": user("m1", "hi")},
}
# The body's shape, Accept, ?format, the agent -> the stream: strict chunks, those of the document, or bare lines.
STREAMS = [
    ("string", None, None, "open", "documented"),
    ("string", "*/*", None, "open", "documented"),
    ("string", "application/json", None, "open", "documented"),
    ("string", EVENTS, None, "open", "strict"),
    ("string", f"application/json, {EVENTS}", None, "open", "strict"),
    ("string", BARE, None, "open", "lines"),
    ("string", None, "ndjson", "open", "lines"),
    ("string", EVENTS, "ndjson", "open", "lines"),
    ("string", None, "sse", "open", "documented"),
    ("string", BARE, "sse", "open", "documented"),
    ("string", EVENTS, "sse", "open", "strict"),
    ("string, trigger", None, None, "open", "strict"),
    ("messages", None, None, "open", "strict"),
    ("messages", "*/*", None, "open", "strict"),
    ("messages, trigger", None, None, "open", "strict"),
    ("messages", None, "sse", "open", "strict"),
    ("messages", None, "ndjson", "open", "lines"),
    ("messages", BARE, None, "open", "lines"),
    ("object", None, None, "open", "strict"),
    ("object", EVENTS, None, "open", "strict"),
    ("string", None, None, "lines", "lines"),
    ("string", "*/*", None, "lines", "lines"),
    ("string", EVENTS, None, "lines", "strict"),
    ("string", None, "sse", "lines", "documented"),
    ("messages", None, None, "lines", "strict"),
    ("object", "*/*", None, "lines", "strict"),
]


@pytest.fixture(scope="module")
def talking(tmp_path_factory) -> Iterator[dict[str, Client]]:
    """A client of each agent."""
    with Server(tmp_path_factory.mktemp("streams"), config=configured(TABLES)) as server:
        yield {agent: Client.new(server, agent) for agent in ("open", "lines", "reader")}


def stream_of(response: requests.Response) -> str:
    kind = response.headers["Content-Type"]
    assert ("x-vercel-ai-ui-message-stream" in response.headers) == (kind == SSE)
    if kind == LINES:
        assert [line["type"] for line in AgentsLines().frames(response.content)] == ["start", "text-delta", "finish"]
        return "lines"
    assert (kind, response.headers["x-vercel-ai-ui-message-stream"]) == (SSE, "v1")
    finish = chunks(response)[-1]
    if "metadata" not in finish:
        return "strict"
    assert finish["metadata"] == finish["messageMetadata"]
    return "documented"


@pytest.mark.parametrize("row", STREAMS, ids=str)
def test_the_request_says_which_stream_it_wants(talking, row) -> None:
    shape, accept, wanted, agent, stream = row
    headers, query = {"Accept": accept} if accept else {}, {"format": wanted} if wanted else {}
    assert stream_of(talking[agent].chat(SHAPES[shape], headers, **query)) == stream


@pytest.mark.parametrize("row", [row for row in STREAMS if row[0] == "string"], ids=str)
def test_an_answer_that_is_tried_again_comes_in_the_same_stream(talking, row) -> None:
    _, accept, wanted, agent, stream = row
    client = talking[agent]
    answer = client.ask("hi")
    headers, query = {"Accept": accept} if accept else {}, {"format": wanted} if wanted else {}
    path = f"/conversations/{answer['metadata']['conversationId']}/retry"
    assert stream_of(client.call("POST", path, {"messageId": answer["id"]}, headers, **query)) == stream


def test_another_format_is_400(talking) -> None:
    response = talking["open"].chat({"message": "hi"}, format="xml")
    assert refused(response) == (400, "VALIDATION_INVALID_BODY")
    assert list(response.json()["error"]["details"]) == ["format"]


@pytest.mark.parametrize("looks", ["of itself", "by the tool"])
def test_sources_are_named_once_an_answer(talking, looks) -> None:
    agent = "reader" if looks == "of itself" else "open"
    asked = "How do I change the rate limit?"
    search = {"call": "knowledge", "args": {"query": asked}}
    question = asked if agent == "reader" else script(search, {"pause": 0}, search, {"text": "So."})
    found = chunks(talking[agent].chat({"messages": [user("m1", question)]}))
    sources = [chunk for chunk in found if chunk["type"].startswith("source")]
    assert sources
    for number, source in enumerate(sources, 1):
        place = {"filename": source["filename"], "title": source["title"], "mediaType": "text/markdown"}
        assert source == {"type": "source-document", "sourceId": f"s{number}", **place}
    assert len({source["filename"] for source in sources}) == len(sources)
    before = found[found.index(sources[0]) - 1]["type"]
    assert before == ("start-step" if agent == "reader" else "tool-output-available")


def test_every_response_says_what_is_left_of_the_limit_and_when(start) -> None:
    server: Server = start(changes={'agents = "100000/minute"': ""})
    with requests.Session() as http:
        client = replace(Client.new(server), http=http)
        elsewhere = replace(client, agent="site")
        sent = [
            (200, lambda: client.chat({"message": "hi"})),
            (200, lambda: client.chat({"message": "hi", "stream": False})),
            (200, lambda: client.call("GET")),
            (400, lambda: client.chat({})),
            (400, lambda: client.chat(b"{")),
            (404, lambda: elsewhere.call("GET")),
            (404, lambda: client.call("GET", "/conversations/x")),
            (415, lambda: client.call("POST", "/chat", b"x", {"Content-Type": "text/plain"})),
            (503, lambda: client.chat({"message": script({"refuse": "overloaded"})})),
            *[(200, lambda: client.call("GET"))] * 91,
            *[(429, lambda: client.call("GET"))] * 2,
        ]
        began = time.time()
        for number, (status, send) in enumerate(sent, 1):
            response = send()
            assert response.status_code == status, number
            assert response.headers["X-RateLimit-Limit"] == "100"
            assert response.headers["X-RateLimit-Remaining"] == str(max(100 - number, 0))
            assert began + 9 < int(response.headers["X-RateLimit-Reset"]) / 1000 < time.time() + 11, "10 s, in ms"
            assert ("Retry-After" in response.headers) == (status in (429, 503))
        assert refused(response) == (429, "RATE_LIMIT_TOO_MANY_REQUESTS")
        assert 1 <= int(response.headers["Retry-After"]) <= 10
        other = http.get(f"{server.url}/api/v2/agents", timeout=5)
        assert (other.status_code, other.headers["X-RateLimit-Remaining"]) == (401, "99"), "counted for the address"


@pytest.mark.parametrize("limit", ["100/10 second", "1000/hour; 100/10 second"])
def test_a_response_from_no_view_says_what_is_left_and_takes_nothing(start, limit) -> None:
    server: Server = start(changes={'agents = "100000/minute"': f'agents = "{limit}"'})
    client, key = Client.new(server), {"Authorization": f"Bearer {Client.new(server).key}"}
    assert client.call("GET").headers["X-RateLimit-Remaining"] == "99"
    for status, left, method, path, headers in (
        (404, "99", "GET", "/nothing", {"Authorization": f"Bearer {client.key}"}),
        (404, "99", "GET", "", {"Authorization": f"Bearer {client.key}"}),
        (405, "99", "GET", "/agents/open/chat", {"Authorization": f"Bearer {client.key}"}),
        (405, "100", "DELETE", "/agents/open", key),
        (404, "100", "GET", "/nothing", {}),
        (204, "100", "OPTIONS", "/agents/open/chat", {"Origin": "https://a.example"}),
    ):
        response = requests.request(method, f"{server.url}/api/v2{path}", headers=headers, timeout=5)
        told = {name: response.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining")}
        assert (response.status_code, told) == (status, {"Limit": "100", "Remaining": left}), (method, path)
        assert int(response.headers["X-RateLimit-Reset"]) / 1000 < time.time() + 11
        assert "Retry-After" not in response.headers
