"""What a model's server wants back of the thoughts that it has told: kept here, or carried by the caller."""

import pytest
from support.responses_wire import Client, events_of

from app.testing.model_server import LAST, sse, streamed
from app.testing.provider_apis import ANTHROPIC

SIGNATURE = "Er+/=" * 20
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
THINKS = [
    *streamed(
        ANTHROPIC.begin,
        sse({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
        sse({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}}),
        sse({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": SIGNATURE}}),
        sse({"type": "content_block_stop", "index": 0}),
        ANTHROPIC.call(1, "weather", {"city": "Oslo"}),
        ANTHROPIC.end("tool_calls"),
    ),
    LAST,
]
THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": SIGNATURE}
ASKED = {"role": "user", "content": "How is the weather?"}


@pytest.fixture
def client(relay, relay_keys) -> Client:
    return Client(relay, relay_keys["secret", "anthropic"], "anthropic")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kept", [False, True], ids=["carried by the caller", "kept here"])
def test_a_models_signature_comes_back_to_it_byte_for_byte(model_server, client, stream, kept) -> None:
    options = {"tools": [WEATHER], "reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]}
    model_server.play(THINKS)
    first = client.create([ASKED], **options, stream=stream, store=kept)
    assert first.status_code == 200, first.text
    events = events_of(first.content) if stream else []
    body = events[-1]["response"] if stream else first.json()
    thought, call = body["output"]
    if stream:
        assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == [thought, call]
    assert thought["summary"] == [{"type": "summary_text", "text": "Hm"}]
    assert SIGNATURE not in first.text, "it is sealed"
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Snow"}
    model_server.play(ANTHROPIC.answer("It snows."))
    if kept:
        second = client.create([output], **options, previous_response_id=body["id"])
    else:
        second = client.create([ASKED, thought, call, output], **options)
    assert second.status_code == 200, second.text
    assert model_server.requests[-1].json["messages"][1]["content"][0] == THOUGHT


def test_without_asking_nobody_is_told_what_the_model_wants_back(model_server, client) -> None:
    model_server.play(THINKS)
    thought, _ = client.create([ASKED], tools=[WEATHER]).json()["output"]
    assert set(thought) == {"type", "id", "summary"}
