"""Long chats of honest pages: the AI SDK posts all of it with each question, tool outputs too."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from support.agents import Client, assistant, configured, finished, text, user

from app.testing.server import Server, new_session_id

LARGEST = 262_144  # bytes: the default of `body_bytes`
TABLES = """
[agents.trusting]
model = "scripted"
client_history = true
history_messages = 200
"""
PASSAGES = [
    {"id": number, "title": "A page", "text": "x" * 50, "score": 0.5, **dict.fromkeys("abcdefghi", 1)}
    for number in range(8)
]
CHATS = {
    "ten outputs of a thousand numbers": ([*range(1001)], 10),
    "a hundred outputs of eight passages": (PASSAGES, 100),
    "forty outputs of hundreds of pairs": ([[0.5, 1.5]] * 450, 40),
    "five outputs of many short texts": ([""] * 10_000, 5),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("long"), config=configured(TABLES)) as running:
        yield running


def searched(number: int, output: Any) -> dict[str, Any]:
    call = {"toolCallId": f"call_{number}", "state": "output-available", "input": {"query": "x"}, "output": output}
    return assistant(f"a{number}", {"type": "tool-search", **call}, text("Found."))


@pytest.mark.parametrize("agent", ["open", "trusting"])
@pytest.mark.parametrize("name", CHATS)
def test_a_question_with_all_that_was_said_before_is_answered(server, agent, name) -> None:
    output, times = CHATS[name]
    messages = [each for number in range(times) for each in (user(f"q{number}", "?"), searched(number, output))]
    messages.append(user("last", "And now?"))
    assert len(orjson.dumps(messages)) < LARGEST - 200
    client = Client.new(server, agent)
    assert finished(client.page(new_session_id(), *messages))["finishReason"] == "stop"
