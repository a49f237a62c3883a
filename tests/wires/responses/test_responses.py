"""What is special to the responses wire: its exact bodies and events, what it refuses, calls of the caller's tools."""

import json
from typing import Any

import pytest
import requests
from support.responses_wire import Client, events_of, joined, kinds

from app.testing.server import script

TOOL = {"type": "function", "name": "weather", "description": "Of a city", "parameters": {"type": "object"}}
REQUIRED = {
    *("id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id"),
    *("instructions", "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text"),
    *("top_p", "presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage"),
    *("max_output_tokens", "max_tool_calls", "store", "background", "service_tier", "metadata", "safety_identifier"),
    "prompt_cache_key",
}


@pytest.fixture
def client(server, secret_key) -> Client:
    return Client(server, secret_key)


@pytest.fixture(scope="module")
def frank(server) -> Client:
    """Of the agent that takes system messages and answers in five tokens at most."""
    return Client(server, server.key("secret", "frank"), "frank")


def test_a_whole_response_has_every_field_that_the_specification_requires(client) -> None:
    body = client.create(script({"text": "Hello"}, {"text": " there"}), metadata={"of": "mine"}).json()
    assert set(body) == REQUIRED
    assert body["id"].startswith("resp_")
    assert (body["object"], body["status"], body["model"]) == ("response", "completed", "open")
    assert (body["error"], body["incomplete_details"], body["metadata"]) == (None, None, {"of": "mine"})
    (item,) = body["output"]
    assert item == {
        "type": "message",
        "id": f"msg_{body['id'][5:]}_0",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Hello there", "annotations": [], "logprobs": []}],
    }
    assert body["usage"] == {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 3,
    }


def test_the_stream_is_these_events(client) -> None:
    response = client.create(script({"reasoning": "Hm"}, {"text": "Hello"}, {"text": " there"}), stream=True)
    assert b"id:" not in b"".join(line for line in response.content.split(b"\n") if not line.startswith(b"data"))
    assert response.content.endswith(b"data: [DONE]\n\n")
    events = events_of(response.content)
    assert kinds(events) == [
        *("created", "in_progress", "output_item.added", "reasoning_summary_part.added"),
        *("reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done"),
        *("output_item.done", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]
    assert [event["sequence_number"] for event in events] == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 15, 21, 22, 23, 24, 25]
    last = events[-1]["response"]
    assert [item["type"] for item in last["output"]] == ["reasoning", "message"]
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == last["output"]
    assert events[0]["response"] == {**last, "status": "in_progress", "output": [], "usage": None, "completed_at": None}


def test_a_piece_of_text_is_these_bytes(client) -> None:
    response = client.create(script({"text": 'say "hi"\u2028'}), stream=True)
    item = f"msg_{response.headers['X-Turn-Id']}_0"
    assert (
        "event: response.output_text.delta\n"
        f'data: {{"type":"response.output_text.delta","item_id":"{item}","output_index":0,"content_index":0,'
        '"logprobs":[],"delta":"say \\"hi\\"\\u2028","sequence_number":12}\n\n'
    ).encode() in response.content


def test_an_answer_that_is_cut_off_is_incomplete(frank) -> None:
    question = script(*({"text": f"{number} "} for number in range(9)))
    body = frank.create(question).json()
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert (body["completed_at"], body["error"]) == (None, None)
    assert body["output"][-1]["status"] == "incomplete"
    assert frank.get(body["id"]).json() == body
    events = events_of(frank.create(question, stream=True).content)
    last = events[-1]
    assert kinds(events)[-2:] == ["output_item.done", "incomplete"]
    assert events[-2]["item"] == last["response"]["output"][-1]
    assert events[-2]["item"]["status"] == "incomplete"
    assert frank.get(last["response"]["id"]).json() == last["response"]
    assert joined(events_of(frank.hear(last["response"]["id"]).content)) == joined(events)


def test_a_failure_in_the_stream_is_told_twice_and_ends_it(client) -> None:
    response = client.create(script({"text": "so far"}, {"fail": "upstream_failed"}), stream=True)
    events = events_of(response.content)
    item, error, failed = events[-3:]
    assert (item["type"], item["item"]["status"]) == ("response.output_item.done", "incomplete")
    assert [item["item"]] == failed["response"]["output"]
    assert error["type"] == "error"
    assert {name: error[name] for name in ("code", "message", "param")} == {
        "code": "upstream_failed",
        "message": "The model failed to answer",
        "param": "",
    }
    assert error["error"] == {
        "type": "server_error",
        **{name: error[name] for name in ("code", "message", "param")},
    }
    assert failed["type"] == "response.failed"
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": "upstream_failed", "message": "The model failed to answer"}
    assert failed["response"]["output"][0]["content"][0]["text"] == "so far"
    stored = client.get(failed["response"]["id"]).json()
    assert (stored["status"], stored["output"]) == ("failed", failed["response"]["output"])
    assert stored["error"]["code"]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"background": True, "store": False}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"max_tool_calls": 3}, "max_tool_calls"),
        ({"top_logprobs": 5}, "top_logprobs"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"frequency_penalty": -0.5}, "frequency_penalty"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"truncation": "disabled"}, "truncation"),
        ({"moderation": {"model": "omni-moderation-latest"}}, "moderation"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"tools": [{**TOOL, "async": True}]}, "tools[0].async"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format"),
        ({"instructions": "Be brief."}, "instructions"),
        ({"input": []}, "input"),
        ({"input": [{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "assistant", "content": "x"}]}, "input"),
        ({"input": [{"role": "nobody", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type"),
        ({"input": [{"type": "function_call_output", "call_id": "x", "output": "y"}]}, "input[0].call_id"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].id"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/b.png"}]}]},
            "input[0].content[0]",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://a.example/b.png"}]}]},
            "input[0].content[0].image_url",
        ),
    ],
)
def test_what_cannot_be_heeded_is_refused_by_name(client, changes: dict[str, Any], param: str) -> None:
    response = client.create("hi", **changes)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (404 if "not found" in error["message"] else 400, param)
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"


def test_fields_that_change_no_meaning_are_ignored(client) -> None:
    ignored = {
        "user": "u",
        "service_tier": "flex",
        "truncation": "auto",
        "include": ["reasoning.encrypted_content"],
        "max_tool_calls": None,
        "stream_options": {"include_obfuscation": False},
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "text": {"verbosity": "medium"},
        "never_heard_of": {},
    }
    body = client.create(script({"text": "x"}), **ignored).json()
    assert (body["status"], body["service_tier"]) == ("completed", "default")
    assert (body["prompt_cache_key"], body["safety_identifier"]) == ("k", "s")


def test_instructions_and_developers_messages_reach_an_agent_that_takes_them(frank) -> None:
    said = [{"role": "developer", "content": [{"type": "input_text", "text": "x"}]}]
    body = frank.create([*said, {"role": "user", "content": script({"text": "y"})}], instructions="Be brief.").json()
    assert (body["status"], body["instructions"]) == ("completed", "Be brief.")


@pytest.mark.parametrize("stream", [False, True])
def test_calls_of_the_callers_tools_are_told_and_go_on_with_their_outputs(client, stream) -> None:
    question = script({"call": "weather", "args": {"city": "Rome"}}, {"text": "It is warm."})
    response = client.create(question, tools=[TOOL], stream=stream)
    body = events_of(response.content)[-1]["response"] if stream else response.json()
    (call,) = body["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "weather", "completed")
    assert json.loads(call["arguments"]) == {"city": "Rome"}
    if stream:
        events = events_of(response.content)
        assert kinds(events)[2:-1] == [
            *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done")
        ]
        assert events[3]["delta"] == events[4]["arguments"] == call["arguments"]
        assert events[2]["item"] == {**call, "arguments": "", "status": "in_progress"}
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "20 degrees"}
    posted = client.create([{"role": "user", "content": question}, call, output], tools=[TOOL], stream=stream)
    assert text_of(posted, stream=stream) == "It is warm."
    continued = client.create([output], tools=[TOOL], stream=stream, previous_response_id=body["id"])
    assert text_of(continued, stream=stream) == "It is warm."


def text_of(response: requests.Response, *, stream: bool) -> str:
    body = events_of(response.content)[-1]["response"] if stream else response.json()
    assert [item["type"] for item in body["output"]] == ["message"], body
    return str(body["output"][0]["content"][0]["text"])


def test_calls_of_the_agents_own_tools_are_not_told(client) -> None:
    question = script({"text": "Let me see. "}, {"call": "calculator", "args": {"expression": "2+2"}}, {"text": "4"})
    events = events_of(client.create(question, stream=True).content)
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["message", "message"]
    assert not any("function_call" in event["type"] for event in events)


def test_a_call_without_its_output_is_refused(client) -> None:
    body = client.create(script({"call": "weather", "args": {}}), tools=[TOOL]).json()
    refused = client.create(
        [{"type": "function_call_output", "call_id": "another", "output": "x"}], previous_response_id=body["id"]
    )
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input[0].call_id")


def test_another_model_than_the_keys_is_not_found(client) -> None:
    response = client.create("hi", model="gpt-5")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")
