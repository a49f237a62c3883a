"""What an answer rests on, as widgets show it: beside the answer, in the stream, in one piece and in the history."""

import json
from collections.abc import Iterator

import pytest
import requests
from support.agents import configured, keys
from support.visitors import chat, history, id_of, signed

from app.engine.events import TurnFinished, TurnStarted
from app.engine.messages import Message, SourcePart, TextPart, Usage
from app.testing.server import Server, eventually, new_session_id, script
from app.wires.widget.encoder import WidgetEncoder

TABLES = """
[agents.tea]
model = "scripted"
tools = ["knowledge"]
knowledge = ["tea/*.md"]
"""
SEARCH = {"call": "knowledge", "args": {"query": "How long does shipping to Norway take?"}}
TEA = "# Shipping\n\n## Norway\n\nShipping to Norway takes nine days.\n\n## Fees\n\nShipping to Norway costs a fee.\n"
OTHER = "# Oolong\n\nSteep oolong for three minutes.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sources")
    (folder / "tea").mkdir()
    (folder / "tea" / "shipping.md").write_text(f"---\nurl: https://tea.example/shipping\n---\n{TEA}")
    (folder / "tea" / "oolong.md").write_text(OTHER)
    with Server(folder, config=configured(TABLES)) as running:
        yield running


@pytest.fixture(scope="module")
def key(server) -> str:
    """Where the documents have been indexed, which takes a while beside others."""
    made, question = keys(server).create("widget", "tea"), script(SEARCH, {"text": "."})
    assert eventually(lambda: "sources" in chat(server, made, None, question).json(), seconds=60)
    return made


def test_an_answers_sources_are_told_with_it_each_document_once_and_read_back(server, key) -> None:
    secret = server.flask("keys", "visitor-secret", id_of(server, key)).stdout.strip()
    token, name, question = signed(secret, "ada"), new_session_id(), script(SEARCH, {"text": "Nine days."})
    whole = chat(server, key, token, question, name).json()
    (source,) = whole["sources"]
    assert (source["title"], source["url"].partition("#")[0]) == ("Shipping", "https://tea.example/shipping")
    body, headers = {"sessionId": name, "message": question}, {"x-api-key": key, "x-visitor": token}
    lines = requests.post(f"{server.url}/chat", json=body, headers=headers, timeout=30).text.splitlines()
    assert json.loads(lines[-1])["sources"] == [source]
    assert not any("sources" in json.loads(line) for line in lines[:-1])
    asked, answered, _, again = history(server, key, token).json()["messages"]
    assert "sources" not in asked
    assert answered["sources"] == again["sources"] == [source]


def test_an_answer_that_rests_on_nothing_names_nothing(server, key) -> None:
    off_topic = {"call": "knowledge", "args": {"query": "Who won the football match yesterday?"}}
    for cues in ([{"text": "Hello"}], [off_topic, {"text": "I do not know."}]):
        assert "sources" not in chat(server, key, None, script(*cues)).json()


def test_at_most_five_are_shown_and_only_addresses_that_people_can_follow() -> None:
    found = [
        SourcePart("Shipping", "Norway", "https://tea.example/shipping#norway"),
        SourcePart("Notes", "Tea", "javascript:alert(1)"),
        SourcePart("Prices", "", "HTTP://tea.example/prices"),
        *(SourcePart(f"Page {number}", "", f"/{number}") for number in range(9)),
    ]
    encoder = WidgetEncoder(show_tools=False)
    message = Message("assistant", (*found, TextPart("Nine days.")))
    started, finished = TurnStarted("c", "q", "a"), TurnFinished(message, "stop", Usage(), "c")
    done = json.loads(encoder.encode([started, finished]).splitlines()[-1])
    assert done == {
        "type": "done",
        "message": "Nine days.",
        "conversationId": "c",
        "messageId": "a",
        "sources": [
            {"title": "Shipping", "url": "https://tea.example/shipping#norway"},
            {"title": "Notes"},
            {"title": "Prices", "url": "HTTP://tea.example/prices"},
            {"title": "Page 0"},
            {"title": "Page 1"},
        ],
    }
