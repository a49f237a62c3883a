"""Anthropic's Messages API: what it is asked."""

import re
from itertools import chain

import pytest

from app.engine.agent import SamplingOptions, ToolSpec
from app.engine.messages import Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.prompt import Prompt
from app.testing.provider_apis import AGENT, ANTHROPIC, chunks_of, make_prompt


def test_the_request_names_version_and_key(upstream, monkeypatch) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-ant-1")
    upstream.play(ANTHROPIC.answer("x"))
    chunks_of(ANTHROPIC.model(f"{upstream.url}/v1/", api_key_env="SOME_KEY", headers={"anthropic-beta": "b1"}))
    request = upstream.requests[0]
    assert request.line == "POST /v1/messages HTTP/1.1"
    names = ("x-api-key", "anthropic-version", "anthropic-beta", "content-type")
    assert [request.headers[name] for name in names] == ["sk-ant-1", "2023-06-01", "b1", "application/json"]
    assert "authorization" not in request.headers
    assert request.json == {
        "model": "m-1",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "stream": True,
    }


@pytest.mark.parametrize(
    ("configured", "asked", "sent"),
    [
        ({"max_tokens": 50}, {"max_tokens": 20}, {"max_tokens": 20}),
        ({"max_tokens": 50}, {"max_tokens": 90}, {"max_tokens": 50}),
        ({"temperature": 0.5}, {"temperature": 0}, {"temperature": 0}),
        ({}, {"temperature": 1.7}, {"temperature": 1}),
        ({"top_p": 0.5}, {}, {"top_p": 0.5}),
        ({"stop": ["END"]}, {}, {"stop_sequences": ["END"]}),
        ({"thinking_tokens": 2000}, {}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        ({}, {"seed": 7}, {}),
    ],
    ids=str,
)
def test_options_are_the_callers_within_what_is_configured(upstream, configured, asked, sent) -> None:
    upstream.play(ANTHROPIC.answer("x"))
    chunks_of(ANTHROPIC.model(upstream.url, **configured), make_prompt(**asked))
    body = upstream.requests[0].json
    assert body.keys() == {"model", "messages", "stream", "max_tokens"} | sent.keys()
    assert {name: body[name] for name in sent} == sent


@pytest.mark.parametrize("asked", [None, 500])
def test_the_api_wants_more_tokens_than_may_be_thought(upstream, asked) -> None:
    """Its reference: budget_tokens must be less than max_tokens."""
    upstream.play(ANTHROPIC.answer("x"))
    chunks_of(ANTHROPIC.model(upstream.url, thinking_tokens=2000), make_prompt(max_tokens=asked))
    body = upstream.requests[0].json
    assert "thinking" not in body or body["thinking"]["budget_tokens"] < body["max_tokens"]


def test_thinking_goes_with_no_temperature(upstream) -> None:
    """Its reference: thinking is not compatible with temperature."""
    upstream.play(ANTHROPIC.answer("x"))
    chunks_of(ANTHROPIC.model(upstream.url, thinking_tokens=2000, temperature=0.3), make_prompt(temperature=0.5))
    assert upstream.requests[0].json.get("temperature") in (None, 1)


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def test_messages_of_one_role_become_one_and_results_are_the_users(upstream) -> None:
    upstream.play(ANTHROPIC.answer("x"))
    rounds = (
        ReasoningPart("secret thoughts"),
        TextPart("Let me see."),
        ToolCallPart("a", "clock", {"zone": "UTC"}),
        ToolCallPart("b", "clock", {}),
        ToolResultPart("b", "clock", "There is no clock.", is_error=True),
        ToolResultPart("a", "clock", {"time": "12:00"}, is_error=False),
    )
    messages = [
        *(
            text_message("system", "Be brief."),
            text_message("system", "Be kind."),
            text_message("user", "Hi"),
            text_message("user", "Time?"),
        ),
        *(text_message("assistant", " \n"), Message("assistant", rounds)),
    ]
    spec = ToolSpec("clock", "Tells the time.", {"type": "object"})
    chunks_of(ANTHROPIC.model(upstream.url), Prompt(AGENT, messages, SamplingOptions(), [spec]))
    body = upstream.requests[0].json
    assert body["system"] == "Be brief.\n\nBe kind."
    assert body["tools"] == [{"name": "clock", "description": "Tells the time.", "input_schema": {"type": "object"}}]
    user, assistant, results = body["messages"]
    assert user == {"role": "user", "content": [text("Hi"), text("Time?")]}
    assert assistant == {
        "role": "assistant",
        "content": [
            text("Let me see."),
            {"type": "tool_use", "id": "a", "name": "clock", "input": {"zone": "UTC"}},
            {"type": "tool_use", "id": "b", "name": "clock", "input": {}},
        ],
    }
    failed = {"type": "tool_result", "tool_use_id": "b", "content": "There is no clock.", "is_error": True}
    assert results == {
        "role": "user",
        "content": [failed, {"type": "tool_result", "tool_use_id": "a", "content": '{"time":"12:00"}'}],
    }


def test_ids_of_calls_are_kept_as_far_as_the_api_takes_them_back(upstream) -> None:
    """It wants letters, digits, dashes and underscores; other models of a list, and callers, write others too."""
    upstream.play(ANTHROPIC.answer("x"))
    ids = ["toolu_01", "functions.clock:0", "functions.clock:1", "x" * 99, ""]
    parts = [(ToolCallPart(each, "clock", {}), ToolResultPart(each, "clock", each, is_error=False)) for each in ids]
    messages = [
        text_message("user", "Time?"),
        Message("assistant", tuple(chain(*parts))),
        text_message("user", "Thanks"),
    ]
    chunks_of(ANTHROPIC.model(upstream.url), Prompt(AGENT, messages, SamplingOptions()))
    blocks = [block for message in upstream.requests[0].json["messages"] for block in message["content"]]
    called = [block["id"] for block in blocks if block["type"] == "tool_use"]
    assert called[0] == ids[0]
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", each) for each in called)
    assert len(set(called)) == len(ids)
    results = [(block["tool_use_id"], block["content"]) for block in blocks if block["type"] == "tool_result"]
    assert results == [*zip(called, ids, strict=True)]
