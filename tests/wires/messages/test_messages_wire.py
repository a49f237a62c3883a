"""Anthropic's messages: what a model's server gets of a request, and what the caller gets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from support.vendor_callers import AT, PIXEL, VendorCaller, asked, said, vendors_server

from app.engine.messages import Usage
from app.testing.model_server import LAST, ModelServer, sse, streamed
from app.testing.provider_apis import ANTHROPIC
from app.testing.server import Server, script
from app.wires.messages.encoder import NO_DETAILS, usage_body

PATH = "/v1/messages"
HI = asked("Hi")
INPUT = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"name": "weather", "description": "Tells it.", "input_schema": INPUT}
CALL = {"type": "tool_use", "id": "toolu_a", "name": "weather", "input": {"city": "Oslo"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_a", "content": "Snow"}
FORMAT = {"type": "json_schema", "schema": INPUT}


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_server) -> Iterator[Server]:
    with vendors_server(tmp_path_factory.mktemp("messages"), model_server) as running:
        yield running


@pytest.fixture(scope="module")
def caller(server) -> VendorCaller:
    return VendorCaller.new(server, "anthropic", PATH)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "citations": None}


def reached(model_server: ModelServer, response: requests.Response) -> dict[str, Any]:
    """What the model's server got of a question that was answered."""
    assert response.status_code == 200, response.text
    (request,) = model_server.requests
    return dict(request.json)


def events(response: requests.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    frames = [frame.splitlines() for frame in response.text.split("\n\n") if frame]
    told = [json.loads(data.removeprefix("data: ")) for _, data in frames]
    assert [name for name, _ in frames] == [f"event: {event['type']}" for event in told]
    return told


def refusal(response: requests.Response) -> tuple[int, str]:
    """The status and the words."""
    body = response.json()
    assert {*body} == {"type", "error", "request_id"}
    assert body["request_id"] == response.headers["x-request-id"]
    return response.status_code, body["error"]["message"]


def test_an_answer_in_one_piece_is_a_message(model_server, caller) -> None:
    model_server.play(ANTHROPIC.answer("Hel", "lo"))
    body = caller.post(HI).json()
    assert body.pop("id").startswith("msg_")
    assert body == {
        "type": "message",
        "role": "assistant",
        "model": "anthropic",
        "content": [text("Hello")],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        **NO_DETAILS,
        "usage": usage_body(Usage(3, 2)),
    }


def test_a_stream_begins_with_an_estimate_and_ends_with_the_models_own_counts(model_server, caller) -> None:
    model_server.play(ANTHROPIC.answer("x"))
    blind = VendorCaller.new(caller.server, "blind-anthropic", PATH)
    start, *_, delta, stop = events(blind.post(asked("x" * 400), stream=True))
    assert start["message"]["usage"] == usage_body(Usage(104, 1))
    assert (start["message"]["content"], start["message"]["stop_reason"]) == ([], None)
    assert delta == {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None, **NO_DETAILS},
        "usage": usage_body(Usage(3, 2)),
    }
    assert stop == {"type": "message_stop"}


@pytest.mark.parametrize("credential", [{"x-api-key": "{}"}, {"Authorization": "Bearer {}"}], ids=str)
@pytest.mark.parametrize("version", [{}, {"anthropic-version": "2023-06-01"}, {"anthropic-version": "x"}], ids=str)
def test_the_key_comes_in_either_header_with_any_version(model_server, caller, credential, version) -> None:
    model_server.play(ANTHROPIC.answer("x"))
    sent = {name: value.format(caller.key) for name, value in credential.items()}
    body = {"model": "anthropic", "max_tokens": 5, "messages": [HI]}
    headers = {**sent, **version, "anthropic-beta": "a,b"}
    assert requests.post(f"{caller.server.url}{PATH}", json=body, headers=headers, timeout=30).status_code == 200


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"top_p": 0.9}, {"top_p": 0.9}),
        ({"stop_sequences": ["END"]}, {"stop_sequences": ["END"]}),
        ({"stop_sequences": []}, {"stop_sequences": None}),
        ({"output_config": {"format": FORMAT}}, {"output_config": {"format": FORMAT}}),
        ({"output_config": {"effort": "low"}}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1500}},
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        ),
        ({"thinking": {"type": "disabled"}}, {"thinking": None}),
        ({"thinking": {"type": "adaptive"}}, {"thinking": None}),
        ({"tools": [WEATHER], "tool_choice": {"type": "auto"}}, {"tool_choice": None}),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        ({"tools": [WEATHER], "tool_choice": {"type": "any"}}, {"tool_choice": {"type": "any"}, "tools": [WEATHER]}),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "weather"}},
            {"tool_choice": {"type": "tool", "name": "weather"}, "tools": [WEATHER]},
        ),
        (
            {"metadata": {"user_id": "u"}, "service_tier": "auto", "top_k": None, "fallbacks": "default", "new": {}},
            {"metadata": None, "service_tier": None, "top_k": None, "fallbacks": None, "new": None},
        ),
    ],
    ids=lambda value: ",".join(value),  # noqa: PLW0108 - of dictionaries
)
def test_each_form_of_a_field_is_heeded_or_ignored(model_server, caller, fields, told) -> None:
    model_server.play(ANTHROPIC.answer("x"))
    body = reached(model_server, caller.post(HI, **fields))
    assert {name: body.get(name) for name in told} == told


def test_the_agents_tools_are_offered_beside_the_callers_unless_one_of_these_must_be_called(
    model_server, caller
) -> None:
    for choice, offered in (("auto", ["calculator", "weather"]), ("none", ["calculator"]), ("any", ["weather"])):
        model_server.play(ANTHROPIC.answer("x"))
        body = reached(model_server, caller.post(HI, tools=[WEATHER], tool_choice={"type": choice}))
        assert [tool["name"] for tool in body["tools"]] == offered


CALLS = [
    *streamed(
        ANTHROPIC.begin,
        ANTHROPIC.text("Let me see."),
        ANTHROPIC.call(0, "weather", {"city": "Oslo"}),
        ANTHROPIC.end("tool_calls"),
    ),
    LAST,
]
OWN_CALL = [
    *streamed(ANTHROPIC.begin, ANTHROPIC.call(0, "calculator", {"expression": "6*7"}), ANTHROPIC.end("tool_calls")),
    LAST,
]


def test_a_call_of_a_callers_tool_ends_the_answer_for_the_caller_to_run_it(model_server, caller) -> None:
    model_server.play(CALLS)
    body = caller.post(HI, tools=[WEATHER]).json()
    assert body["stop_reason"] == "tool_use"
    words, call = body["content"]
    assert words == text("Let me see.")
    assert {**call, "id": None} == {**CALL, "id": None, "caller": {"type": "direct"}}
    told = events(caller.post(HI, tools=[WEATHER], stream=True))
    start = {"type": "content_block_start", "index": 1, "content_block": {**call, "input": {}}}
    at = told.index(start)
    delta = told[at + 1]["delta"]
    assert (delta["type"], json.loads(delta["partial_json"])) == ("input_json_delta", {"city": "Oslo"})
    assert told[at + 2] == {"type": "content_block_stop", "index": 1}
    assert told[-2]["delta"]["stop_reason"] == "tool_use"


def test_calls_of_the_agents_own_are_run_and_not_told(model_server, caller) -> None:
    for stream in (False, True):
        model_server.play(OWN_CALL, ANTHROPIC.answer("42"))
        response = caller.post(HI, stream=stream)
        assert len(model_server.requests) == 2
        assert "calculator" not in response.text
        assert "42" in response.text
        assert '"stop_reason":"end_turn"' in response.text


def test_an_answer_goes_on_with_the_results_that_come_back(model_server, caller) -> None:
    model_server.play(ANTHROPIC.answer("It snows."))
    failed = {**RESULT, "tool_use_id": "toolu_b", "content": [text("no"), text("way")], "is_error": True}
    calls = said([text("Let me see."), CALL, {**CALL, "id": "toolu_b"}])
    results = asked([RESULT, failed, text("Be quick.")])
    response = caller.post(asked("Weather?"), calls, results, tools=[WEATHER])
    body = reached(model_server, response)
    assert response.json()["content"] == [text("It snows.")]
    _, called, found = body["messages"]
    assert [block["type"] for block in called["content"]] == ["text", "tool_use", "tool_use"]
    contents = [(block["content"], block.get("is_error")) for block in found["content"]]
    assert contents == [("Snow", None), ("no\n\nway\n\nBe quick.", True)]


SIGNATURE = "Er+/=" * 20
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
THINKING = {"type": "enabled", "budget_tokens": 2000}


@pytest.mark.parametrize("stream", [False, True])
def test_a_models_signature_comes_back_to_it_byte_for_byte(model_server, caller, stream) -> None:
    asking = {"tools": [WEATHER], "thinking": THINKING}
    model_server.play(THINKS)
    first = caller.post(HI, **asking, stream=stream)
    if stream:
        deltas = [event["delta"] for event in events(first) if event["type"] == "content_block_delta"]
        signature = next(delta["signature"] for delta in deltas if delta["type"] == "signature_delta")
        (call_id,) = [
            event["content_block"]["id"]
            for event in events(first)
            if event.get("index") == 1 and "content_block" in event
        ]
        blocks = [{"type": "thinking", "thinking": "Hm", "signature": signature}, {**CALL, "id": call_id}]
    else:
        blocks = first.json()["content"]
        call_id = blocks[-1]["id"]
    assert (blocks[0]["type"], blocks[0]["thinking"]) == ("thinking", "Hm")
    model_server.play(ANTHROPIC.answer("It snows."))
    body = reached(model_server, caller.post(HI, said(blocks), asked([{**RESULT, "tool_use_id": call_id}]), **asking))
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm", "signature": SIGNATURE}
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2048}


def test_a_signature_that_is_not_ours_is_not_handed_on(model_server, caller) -> None:
    model_server.play(ANTHROPIC.answer("It snows."))
    thought = {"type": "thinking", "thinking": "Obey.", "signature": SIGNATURE}
    hidden = {"type": "redacted_thinking", "data": SIGNATURE}
    response = caller.post(HI, said([thought, hidden, CALL]), asked([RESULT]), tools=[WEATHER], thinking=THINKING)
    body = reached(model_server, response)
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]


def test_thoughts_are_shown_to_those_who_ask_for_them_alone(model_server, caller) -> None:
    model_server.play(
        [*streamed(ANTHROPIC.begin, ANTHROPIC.thought("Hm"), ANTHROPIC.text("Yes"), ANTHROPIC.end()), LAST]
    )
    assert caller.post(HI).json()["content"] == [text("Yes")]
    assert "thinking" not in caller.post(HI, stream=True).text
    shown = caller.post(HI, thinking={"type": "adaptive"}).json()["content"]
    assert [block["type"] for block in shown] == ["thinking", "text"]
    kinds = [event["type"] for event in events(caller.post(HI, thinking={"type": "adaptive"}, stream=True))]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 2


def test_a_system_prompt_is_taken_where_the_agent_takes_it(model_server, server, caller) -> None:
    frank = VendorCaller.new(server, "system-anthropic", PATH)
    for system in ("Be brief.\n\nBe kind.", [text("Be brief."), {**text("Be kind."), "cache_control": {}}]):
        model_server.play(ANTHROPIC.answer("x"))
        assert reached(model_server, frank.post(HI, system=system))["system"] == "Be brief.\n\nBe kind."
    assert refusal(caller.post(HI, system="Obey.")) == (400, "system: This agent takes no system prompt.")
    model_server.play(ANTHROPIC.answer("x"))
    assert caller.post(HI, system=" ").status_code == 200


NO_CALL = "There is no call that it is the result of."
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
REFUSED = {
    "a result for an unknown id": (
        [HI, said([CALL]), asked([{**RESULT, "tool_use_id": "x"}])],
        {},
        f"messages.2.content.0.tool_use_id: {NO_CALL}",
    ),
    "two results of one call": (
        [HI, said([CALL]), asked([RESULT, RESULT])],
        {},
        f"messages.2.content.1.tool_use_id: {NO_CALL}",
    ),
    "a result without its call": ([asked([RESULT])], {}, f"messages.0.content.0.tool_use_id: {NO_CALL}"),
    "a result that names no call": (
        [HI, said([CALL]), asked([{"type": "tool_result"}])],
        {},
        "messages.2.content.0.tool_use_id: Not a valid string.",
    ),
    "a call whose result is missing": (
        [HI, said([CALL, {**CALL, "id": "b"}]), asked([RESULT])],
        {},
        "messages: Each call of the last answer needs its result.",
    ),
    "an image beside a result": (
        [HI, said([CALL]), asked([RESULT, IMAGE])],
        {},
        "messages.2.content.1.type: Only text can be a result, or stand beside one.",
    ),
    "an image as a result": (
        [HI, said([CALL]), asked([{**RESULT, "content": [IMAGE]}])],
        {},
        "messages.2.content.0.content.0.type: Only text can be a result, or stand beside one.",
    ),
    "an answer that was begun": ([HI, said("I")], {}, "messages: The last message must be the user's"),
    "a document": (
        [asked([{"type": "document", "source": {}}])],
        {},
        "messages.0.content.0.type: Blocks of the type 'document' are not taken here.",
    ),
    "the system among the messages": ([{"role": "system", "content": "x"}, HI], {}, "messages.0.role"),
    "no limit": ([HI], {"max_tokens": None}, "max_tokens: Missing data for required field."),
    "a temperature of OpenAI's": ([HI], {"temperature": 1.5}, "temperature"),
    "a thread": ([HI], {"thread": {"type": "create"}}, "thread: Conversations are not kept under a name"),
    "the best of some words": ([HI], {"top_k": 5}, "top_k: Not heeded: use top_p."),
    "a container": ([HI], {"container": "c"}, "container: There are no containers."),
    "a region": ([HI], {"inference_geo": "us"}, "inference_geo: Where a model runs is not chosen by requests."),
    "a budget": ([HI], {"output_config": {"task_budget": {"total": 9}}}, "output_config.task_budget: Not heeded"),
    "servers of tools": ([HI], {"mcp_servers": [{}]}, "mcp_servers: Servers of tools are not asked."),
    "a tool of the vendor's": (
        [HI],
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "input_schema": {}}]},
        "tools.0.type: Only tools of the caller's own can be called.",
    ),
    "a schema that is none": (
        [HI],
        {"output_config": {"format": {"type": "json_schema", "schema": "no"}}},
        "output_config.format.schema: Not a JSON schema.",
    ),
    "a tool's schema that is none": (
        [HI],
        {"tools": [{"name": "x", "input_schema": {"type": "string"}}]},
        "tools.0.input_schema: Must be of the type object.",
    ),
    "a choice that is not there": (
        [HI],
        {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "x"}},
        "tool_choice: There is no such tool.",
    ),
    "a choice of nothing": ([HI], {"tool_choice": {"type": "any"}}, "tool_choice: There is no such tool."),
    "the agent's own tool": (
        [HI],
        {"tools": [{"name": "calculator", "input_schema": {}}]},
        "tools.0: The agent has a tool of the name calculator of its own.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_heeded_is_refused_where_it_stands(model_server, caller, name, stream) -> None:
    model_server.play(ANTHROPIC.answer("x"))
    messages, fields, words = REFUSED[name]
    response = caller.post(*messages, **fields, stream=stream)
    status, said_of_it = refusal(response)
    assert (status, response.json()["error"]["type"]) == (400, "invalid_request_error")
    assert said_of_it.startswith(words)
    assert model_server.requests == []


@pytest.mark.parametrize("called", ["claude-opus-4-7", "open", "blind-openai", "openai"])
def test_what_the_key_does_not_reach_is_not_there(caller, called) -> None:
    for path in (PATH, f"{PATH}/count_tokens"):
        response = caller.call("POST", path, {"model": called, "max_tokens": 5, "messages": [HI]})
        assert refusal(response) == (404, f"There is no model '{called}' for this key")
        assert response.json()["error"]["type"] == "not_found_error"


def test_a_failure_in_mid_stream_is_an_event_and_the_last_one(server) -> None:
    frank = VendorCaller.new(server, "open", PATH)
    response = frank.post(asked(script({"text": "Hel"}, {"fail": "upstream_failed"})), stream=True)
    *_, failure = events(response)
    assert failure == {
        "type": "error",
        "error": {"type": "api_error", "message": "The model failed to answer"},
    }


def test_a_refused_credential_is_in_anthropics_words(server) -> None:
    response = VendorCaller(server, "anthropic", "sk_nope", PATH).post(HI)
    assert response.status_code == 401
    assert response.json()["error"]["type"] == "authentication_error"


def test_an_answer_is_read_on_and_stopped_by_its_ids(caller, server) -> None:
    frank = VendorCaller.new(server, "open", PATH)
    asking = {"max_tokens": 50, "messages": [asked(script({"text": "a"}, {"text": "b"}))], "stream": True}
    response = frank.call("POST", PATH, {"model": "open", **asking}, {"Last-Event-ID": ""})
    ids = [line.removeprefix("id: ") for line in response.text.splitlines() if line.startswith("id: ")]
    after_a = next(
        block.split("id: ")[1].split("\n")[0] for block in response.text.split("\n\n") if '"text":"a"' in block
    )
    on = frank.call("GET", PATH, headers={"Last-Event-ID": after_a})
    assert '"text":"b"' in on.text
    assert on.text.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n') or "message_stop" in on.text
    assert frank.call("GET", PATH, headers={"Last-Event-ID": ids[-1]}).status_code == 204
    stopped = frank.call("DELETE", PATH, headers={"Last-Event-ID": after_a}).json()
    assert (stopped["status"], stopped["content"], stopped["credits"]) == ("complete", [text("ab")], 1)
    assert caller.call("GET", PATH, headers={"Last-Event-ID": after_a}).status_code == 404, "another key's"
    assert frank.call("GET", PATH).status_code == 400


@pytest.mark.parametrize(
    "source", [{"type": "base64", "media_type": "image/png", "data": PIXEL}, {"type": "url", "url": AT}]
)
def test_an_image_stands_where_it_stood(model_server, caller, source) -> None:
    blocks = [text("This"), {"type": "image", "source": source}, text("is what?")]
    model_server.play(ANTHROPIC.answer("x"))
    body = reached(model_server, caller.post(asked(blocks)))
    words = [{"type": "text", "text": each} for each in ("This", "is what?")]
    assert body["messages"][-1] == {"role": "user", "content": [words[0], blocks[1], words[1]]}
