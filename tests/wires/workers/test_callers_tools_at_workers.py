"""Tools that callers of the workers wire bring: they run at the caller's, and the answer goes on with their results."""

import json
from typing import Any

import pytest
import requests

from app.testing.server import Server, script
from app.testing.wire_client import sse_frames

ARGS = {"city": "Ulm"}
OPENAI = {"type": "function", "function": {"name": "weather", "description": "Of a city.", "parameters": {}}}
OWN = {"name": "weather", "description": "Of a city.", "parameters": {"type": "object", "properties": {}}}
CALL = script({"text": "Let me see."}, {"call": "weather", "args": ARGS}, {"text": "It rains."})


def ask(server: Server, key: str = "", **body: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.post(f"{server.url}/api/chat", json=body, headers=headers, timeout=30)


@pytest.mark.parametrize("tool", [OPENAI, OWN], ids=["as OpenAI has it", "as Workers AI has it"])
def test_a_call_ends_the_answer_and_its_result_goes_on_with_it(server, secret_key, tool) -> None:
    question = {"role": "user", "content": CALL}
    answer = ask(server, secret_key, messages=[question], tools=[tool])
    events = [frame for frame in sse_frames(answer.content) if frame != "[DONE]"]
    assert [event["tool_calls"] for event in events if "tool_calls" in event] == [
        [{"name": "weather", "arguments": ARGS}]
    ]
    assert events[-1]["finish_reason"] == "tool_calls"
    called = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(ARGS)}}
    said = {"role": "assistant", "content": "Let me see.", "tool_calls": [called]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "rain"}
    went_on = ask(server, secret_key, messages=[question, said, result], tools=[tool], stream=False).json()
    assert (went_on["response"], went_on["tool_calls"], went_on["finish_reason"]) == ("It rains.", [], "stop")


def test_calls_of_the_agents_own_tools_are_not_told_beside_them(server, secret_key) -> None:
    question = script({"call": "clock", "args": {}}, {"text": "It is late."})
    answer = ask(server, secret_key, prompt=question, tools=[OWN], stream=False).json()
    assert (answer["response"], answer["tool_calls"]) == ("It is late.", [])


@pytest.mark.parametrize(
    ("tools", "place"),
    [
        ([{**OWN, "name": "clock"}], "tools.0"),
        ([OWN, OPENAI], "tools.1"),
        ([{"type": "function"}], "tools.0.name"),
        ([{**OWN, "parameters": {"type": "string"}}], "tools.0.parameters"),
        ([{**OWN, "name": "no name"}], "tools.0.name"),
    ],
    ids=["the agent's name", "two of a name", "neither form", "no schema", "no name"],
)
def test_what_is_wrong_with_them_is_said_and_where(server, secret_key, tools, place) -> None:
    refused = ask(server, secret_key, prompt="hi", tools=tools)
    assert refused.status_code == 400
    assert place in refused.json()["message"]


def test_without_a_key_nobody_brings_tools(server) -> None:
    refused = ask(server, prompt="hi", tools=[OWN])
    assert (refused.status_code, refused.json()["message"]) == (400, "tools: Only who has a key may bring tools.")
