"""OpenAI's chat completions: what a model's server gets of a request, and what the caller gets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from support.vendor_callers import AT, HERE, VendorCaller, asked, said, vendors_server

from app.testing.model_server import LAST, ModelServer, streamed
from app.testing.provider_apis import OPENAI
from app.testing.server import Server, script
from app.testing.wire_client import sse_frames

PATH = "/v1/chat/completions"
HI = asked("Hi")
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": PARAMETERS}}
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
RESULT = {"role": "tool", "tool_call_id": "call_a", "content": "Snow"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "place", "schema": PARAMETERS, "strict": True}}


@pytest.fixture(scope="module")
def model_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_server) -> Iterator[Server]:
    with vendors_server(tmp_path_factory.mktemp("completions"), model_server) as running:
        yield running


@pytest.fixture(scope="module")
def caller(server) -> VendorCaller:
    return VendorCaller.new(server, "openai", PATH)


def reached(model_server: ModelServer, response: requests.Response) -> dict[str, Any]:
    """What the model's server got of a question that was answered."""
    assert response.status_code == 200, response.text
    (request,) = model_server.requests
    return dict(request.json)


def refusal(response: requests.Response) -> tuple[int, str | None, str]:
    """The status, `param` and the words."""
    error = response.json()["error"]
    assert {*error} == {"message", "type", "param", "code"}
    return response.status_code, error["param"], error["message"].partition(": ")[2] or error["message"]


def test_an_answer_in_one_piece_is_a_completion(model_server, caller) -> None:
    model_server.play(OPENAI.answer("Hel", "lo"))
    body = caller.post(HI).json()
    assert body.pop("id").startswith("chatcmpl-")
    assert isinstance(body.pop("created"), int)
    message = {"role": "assistant", "content": "Hello", "refusal": None, "annotations": []}
    assert body == {
        "object": "chat.completion",
        "model": "openai",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def test_usage_is_streamed_where_it_is_asked_for(model_server, caller) -> None:
    model_server.play(OPENAI.answer("x"))
    asked_for = sse_frames(caller.post(HI, stream=True, stream_options={"include_usage": True}).content)
    *chunks, last, done = asked_for
    assert done == "[DONE]"
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert [chunk["usage"] for chunk in chunks] == [None] * len(chunks)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    unasked = sse_frames(caller.post(HI, stream=True).content)
    assert not [chunk for chunk in unasked if "usage" in chunk]


def test_thoughts_are_reasoning_content(model_server, caller) -> None:
    thinking = [*streamed(OPENAI.begin, OPENAI.thought("Hm"), OPENAI.text("Yes"), OPENAI.end()), LAST]
    model_server.play(thinking)
    assert caller.post(HI).json()["choices"][0]["message"]["reasoning_content"] == "Hm"
    chunks = sse_frames(caller.post(HI, stream=True).content)[:-1]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert [delta for delta in deltas if delta] == [
        *({"role": "assistant", "content": ""}, {"reasoning_content": "Hm"}, {"content": "Yes"}),
    ]


OPTIONS = {
    "temperature": 0.5,
    "top_p": 0.9,
    "seed": 7,
    "stop": ["END", "STOP"],
    "response_format": SCHEMA,
    "reasoning_effort": "low",
    "max_tokens": 50,
}


def test_options_reach_the_model(model_server, caller) -> None:
    model_server.play(OPENAI.answer("x"))
    body = reached(model_server, caller.post(HI, **OPTIONS))
    assert {name: body[name] for name in OPTIONS} == OPTIONS


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"stop": "END"}, {"stop": ["END"]}),
        ({"max_tokens": None, "max_completion_tokens": 9}, {"max_tokens": 9}),
        ({"max_tokens": 5, "max_completion_tokens": 9}, {"max_tokens": 5}),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        ({"response_format": {"type": "text"}}, {"response_format": None}),
        ({"tools": [WEATHER], "tool_choice": "auto"}, {"tool_choice": None}),
        ({"tools": [WEATHER], "parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        ({"tools": [WEATHER], "tool_choice": "required"}, {"tool_choice": "required", "tools": [WEATHER]}),
        (
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}, "tools": [WEATHER]},
        ),
        (
            {
                "user": "u",
                "metadata": {"a": "b"},
                "service_tier": "flex",
                "store": True,
                "new": 1,
            },
            {"user": None, "metadata": None, "service_tier": None, "store": None, "new": None},
        ),
        ({"n": 1, "logprobs": False, "top_logprobs": 0, "modalities": ["text"], "functions": []}, {"n": None}),
        (
            {"presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}},
            {"presence_penalty": None, "frequency_penalty": None, "logit_bias": None},
        ),
    ],
    ids=",".join,
)
def test_each_form_of_a_field_is_heeded_or_ignored(model_server, caller, fields, told) -> None:
    model_server.play(OPENAI.answer("x"))
    body = reached(model_server, caller.post(HI, **fields))
    assert {name: body.get(name) for name in told} == told


def test_the_agents_tools_are_offered_beside_the_callers_unless_one_of_these_must_be_called(
    model_server, caller
) -> None:
    for choice, offered in (("auto", ["calculator", "weather"]), ("none", ["calculator"]), ("required", ["weather"])):
        model_server.play(OPENAI.answer("x"))
        body = reached(model_server, caller.post(HI, tools=[WEATHER], tool_choice=choice))
        assert [tool["function"]["name"] for tool in body["tools"]] == offered


CALLS = [
    *streamed(
        OPENAI.begin,
        OPENAI.text("Let me see."),
        OPENAI.call(0, "weather", {"city": "Oslo"}),
        OPENAI.call(1, "weather", {"city": "Rome"}),
        OPENAI.end("tool_calls"),
    ),
    LAST,
]
OWN_CALL = [
    *streamed(OPENAI.begin, OPENAI.call(0, "calculator", {"expression": "6*7"}), OPENAI.end("tool_calls")),
    LAST,
]


def test_a_call_of_a_callers_tool_ends_the_answer_for_the_caller_to_run_it(model_server, caller) -> None:
    model_server.play(CALLS)
    (choice,) = caller.post(HI, tools=[WEATHER]).json()["choices"]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", "Let me see.")
    whole = choice["message"]["tool_calls"]
    assert [json.loads(call["function"]["arguments"]) for call in whole] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert [{*call} for call in whole] == [{"id", "type", "function"}] * 2
    chunks = sse_frames(caller.post(HI, tools=[WEATHER], stream=True).content)[:-1]
    pieces = [piece for chunk in chunks for piece in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert [piece["index"] for piece in pieces] == [0, 1]
    assert [piece["function"] for piece in pieces] == [call["function"] for call in whole]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_calls_of_the_agents_own_are_run_and_not_told(model_server, caller) -> None:
    for stream in (False, True):
        model_server.play(OWN_CALL, OPENAI.answer("42"))
        response = caller.post(HI, stream=stream)
        assert len(model_server.requests) == 2
        assert "calculator" not in response.text
        assert "42" in response.text
        assert '"finish_reason":"stop"' in response.text


def test_an_answer_goes_on_with_the_results_that_come_back(model_server, caller) -> None:
    model_server.play(OPENAI.answer("It snows."))
    response = caller.post(asked("Weather in Oslo?"), said(None, tool_calls=[CALL]), RESULT, tools=[WEATHER])
    body = reached(model_server, response)
    assert response.json()["choices"][0]["message"]["content"] == "It snows."
    _, called, result = [each for each in body["messages"] if each["role"] != "system"]
    assert called["tool_calls"][0]["function"] == CALL["function"]
    assert result == {"role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": "Snow"}


def test_what_was_posted_is_not_told_again_in_one_piece(model_server, caller) -> None:
    model_server.play(OPENAI.answer("It snows."))
    earlier = said("Let me see.", tool_calls=[CALL])
    message = caller.post(asked("Weather?"), earlier, RESULT, tools=[WEATHER]).json()["choices"][0]["message"]
    assert message["content"] == "It snows."
    assert "tool_calls" not in message


def test_contents_may_be_parts_and_system_messages_are_taken_where_the_agent_takes_them(model_server, server) -> None:
    frank = VendorCaller.new(server, "system-openai", PATH)
    model_server.play(OPENAI.answer("x"))
    parts = [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}]
    body = reached(model_server, frank.post({"role": "developer", "content": parts}, HI, said(parts), asked(parts)))
    assert [(each["role"], each["content"]) for each in body["messages"]] == [
        *(("system", "Be brief."), ("user", "Hi"), ("assistant", "Be brief."), ("user", "Be brief.")),
    ]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_another_agent_takes_none(caller, role) -> None:
    response = caller.post(HI, {"role": role, "content": "Obey."}, HI)
    assert refusal(response) == (400, "messages[1].role", "This agent takes no system messages.")


NO_CALL = "There is no call that it is the result of."
MISSING = "Missing data for required field."
REFUSED = {
    "a result without its call": ([asked("x"), RESULT], {}, "messages[1].tool_call_id", NO_CALL),
    "two results of one call": (
        [HI, said("", tool_calls=[CALL]), RESULT, RESULT],
        {},
        "messages[3].tool_call_id",
        NO_CALL,
    ),
    "a result of another call": (
        [HI, said("", tool_calls=[{**CALL, "id": "b"}]), RESULT],
        {},
        "messages[2].tool_call_id",
        NO_CALL,
    ),
    "a call whose result is missing": (
        [HI, said("", tool_calls=[CALL, {**CALL, "id": "b"}]), RESULT],
        {},
        "messages",
        "Each call of the last answer needs its result.",
    ),
    "a penalty": ([HI], {"presence_penalty": 0.5}, "presence_penalty", "Penalties are not heeded."),
    "another penalty": ([HI], {"frequency_penalty": -2}, "frequency_penalty", "Penalties are not heeded."),
    "tokens that weigh more": ([HI], {"logit_bias": {"1": 2}}, "logit_bias", "Tokens are not weighed."),
    "a result that names no call": ([HI, {"role": "tool", "content": "x"}], {}, "messages[1].tool_call_id", MISSING),
    "an answer without content and calls": ([HI, said(None), HI], {}, "messages[1].content", MISSING),
    "nothing of the user's": ([{"role": "assistant", "content": "x"}], {}, "messages", None),
    "an answer at the end": ([HI, said("I")], {}, "messages", "The last message must be the user's, or a tool's."),
    "a blank question": ([asked(" ")], {}, None, None),
    "two answers": ([HI], {"n": 2}, "n", "One choice is all that there is."),
    "probabilities": ([HI], {"logprobs": True}, "logprobs", "Probabilities of tokens are not told."),
    "the best of them": ([HI], {"top_logprobs": 3}, "top_logprobs", "Probabilities of tokens are not told."),
    "few words": ([HI], {"verbosity": "low"}, "verbosity", "Not heeded: say it in a message."),
    "moderation": ([HI], {"moderation": {"model": "m"}}, "moderation", "Answers are not moderated."),
    "audio": ([HI], {"modalities": ["text", "audio"]}, "modalities", "Only text is answered."),
    "a voice": ([HI], {"audio": {"voice": "x", "format": "mp3"}}, "audio", "Only text is answered."),
    "audio in a question": (
        [asked([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}])],
        {},
        "messages[0].content[0].type",
        "Audio is not taken.",
    ),
    "a file in a question": (
        [asked([{"type": "text", "text": "x"}, {"type": "file", "file": {}}])],
        {},
        "messages[0].content[1].type",
        "Files are not taken.",
    ),
    "a part that nobody knows": (
        [asked([{"type": "smell"}])],
        {},
        "messages[0].content[0].type",
        "Parts of the type 'smell' are not understood.",
    ),
    "an image of the assistant's": (
        [HI, said([{"type": "image_url", "image_url": {"url": AT}}]), HI],
        {},
        "messages[1].content[0].type",
        "Only text may stand here.",
    ),
    "functions": ([HI], {"functions": [{"name": "x"}]}, "functions", "Outdated: use tools."),
    "a function's call": ([HI], {"function_call": "auto"}, "function_call", "Outdated: use tool_choice."),
    "the web": ([HI], {"web_search_options": {}}, "web_search_options", "The web is not searched."),
    "a schema that is none": (
        [HI],
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": "no"}}},
        "response_format.json_schema.schema",
        "Not a JSON schema.",
    ),
    "a schema that is missing": (
        [HI],
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        MISSING,
    ),
    "a tool's schema that is none": (
        [HI],
        {"tools": [{"type": "function", "function": {"name": "x", "parameters": []}}]},
        "tools[0].function.parameters",
        "Not a JSON schema.",
    ),
    "a tool of the vendor's": (
        [HI],
        {"tools": [{"type": "web_search"}]},
        "tools[0].type",
        "Only functions can be called.",
    ),
    "a choice that is not there": (
        [HI],
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}},
        "tool_choice",
        "There is no such tool.",
    ),
    "a choice of nothing": ([HI], {"tool_choice": "required"}, "tool_choice", "There is no such tool."),
    "two tools of a name": (
        [HI],
        {"tools": [WEATHER, WEATHER]},
        "tools[1]",
        "There are two tools of the name weather.",
    ),
    "the agent's own tool": (
        [HI],
        {"tools": [{"type": "function", "function": {"name": "calculator"}}]},
        "tools[0]",
        "The agent has a tool of the name calculator of its own.",
    ),
    "an effort that is none": ([HI], {"reasoning_effort": "extreme"}, "reasoning_effort", None),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_heeded_is_refused_where_it_stands(model_server, caller, name, stream) -> None:
    model_server.play(OPENAI.answer("x"))
    messages, fields, param, words = REFUSED[name]
    status, place, reason = refusal(caller.post(*messages, **fields, stream=stream))
    assert (status, place) == (400, param)
    assert reason.startswith(words or "")
    assert model_server.requests == []


@pytest.mark.parametrize("called", ["gpt-4o", "open", "scripted", "blind-anthropic", "Openai", "gpt-4"])
def test_what_the_key_does_not_reach_is_not_there(caller, called) -> None:
    error = {"type": "invalid_request_error", "param": None, "code": "model_not_found"}
    words = f"There is no model '{called}' for this key"
    for response in (caller.post(HI, model=called), caller.call("GET", f"/v1/models/{called}")):
        assert (response.status_code, response.json()) == (404, {"error": {"message": words, **error}})


def test_the_agent_and_its_models_can_be_asked_by_the_names_that_are_listed(model_server, caller) -> None:
    listed = caller.call("GET", "/v1/models").json()
    names = [each["id"] for each in listed["data"]]
    assert names == ["openai", "seeing-openai", "blind-openai"]
    for name in [*names, "alias-openai"]:
        model_server.play(OPENAI.answer("x"))
        assert caller.post(HI, model=name).json()["model"] == name
        assert caller.call("GET", f"/v1/models/{name}").json()["id"] == name


def test_a_list_of_models_has_pages_for_clients_that_ask_for_them(caller) -> None:
    def listed(query: str) -> tuple[list[str], bool, str | None, str | None]:
        body = caller.call("GET", f"/v1/models{query}", headers={"anthropic-version": "2023-06-01"}).json()
        return [each["id"] for each in body["data"]], body["has_more"], body["first_id"], body["last_id"]

    first, second, third = names = ["openai", "seeing-openai", "blind-openai"]
    assert listed("") == listed("?limit=3") == listed("?limit=1000&new=1") == (names, False, first, third)
    assert listed("?limit=2") == (names[:2], True, first, second)
    assert listed(f"?limit=2&after_id={second}") == ([third], False, third, third)
    assert listed(f"?after_id={third}") == ([], False, None, None)
    assert listed(f"?limit=1&before_id={third}") == ([second], True, second, second)
    assert listed(f"?limit=2&before_id={third}") == (names[:2], False, first, second)
    assert listed(f"?after_id={first}&before_id={third}") == ([second], False, second, second)
    for query, param in (
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("after_id=x", "after_id"),
        ("before_id=", "before_id"),
    ):
        assert refusal(caller.call("GET", f"/v1/models?{query}"))[:2] == (400, param)


def test_who_asks_for_a_list_of_completions_is_told_that_there_is_none(caller) -> None:
    response = caller.call("GET", f"{PATH}?limit=20&order=desc")
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith("Completions are not listed here.")


def test_a_failure_in_mid_stream_is_an_event_that_clients_raise_on_and_the_stream_ends(server) -> None:
    frank = VendorCaller.new(server, "open", PATH)
    response = frank.post(asked(script({"text": "Hel"}, {"fail": "upstream_failed"})), stream=True)
    *_, failure, done = sse_frames(response.content)
    assert done == "[DONE]"
    assert failure == {
        "error": {
            "message": "The model failed to answer",
            "type": "server_error",
            "param": None,
            "code": "upstream_failed",
        }
    }


def test_a_refused_credential_is_in_openais_words(server) -> None:
    response = VendorCaller(server, "openai", "sk_nope", PATH).post(HI)
    assert response.status_code == 401
    error = response.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("authentication_error", "invalid_api_key", None)


def test_an_answer_is_read_on_and_stopped_by_its_ids(caller, server) -> None:
    frank = VendorCaller.new(server, "open", PATH)
    body = {"model": "open", "messages": [asked(script({"text": "a"}, {"text": "b"}))], "stream": True}
    response = frank.call("POST", PATH, body, {"Last-Event-ID": ""})
    ids = [line.removeprefix("id: ") for line in response.text.splitlines() if line.startswith("id: ")]
    on = frank.call("GET", PATH, headers={"Last-Event-ID": ids[1]})
    assert '"content":"b"' in on.text
    assert on.text.endswith("data: [DONE]\n\n")
    assert '"model":"open"' in on.text
    assert frank.call("GET", PATH, headers={"Last-Event-ID": ids[-1]}).status_code == 204
    stopped = frank.call("DELETE", PATH, headers={"Last-Event-ID": ids[1]}).json()
    assert (stopped["status"], stopped["content"], stopped["credits"]) == ("complete", "ab", 1)
    assert stopped["id"].startswith("chatcmpl-")
    assert caller.call("GET", PATH, headers={"Last-Event-ID": ids[1]}).status_code == 404, "another key's"
    assert frank.call("GET", PATH).status_code == 400


def test_an_image_stands_between_the_texts_with_how_closely_to_look(model_server, caller) -> None:
    parts = [
        {"type": "text", "text": "This"},
        {"type": "image_url", "image_url": {"url": AT, "detail": "low"}},
        {"type": "text", "text": "or this?"},
        {"type": "image_url", "image_url": {"url": HERE}},
    ]
    model_server.play(OPENAI.answer("x"))
    body = reached(model_server, caller.post(asked(parts)))
    assert body["messages"][-1] == {"role": "user", "content": parts}
