"""Anthropic's Messages API: what it is asked."""

import pytest

from app.testing.provider_apis import ANTHROPIC, chunks_of, make_prompt


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
