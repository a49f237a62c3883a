"""Servers with OpenAI's API: what they are asked."""

import pytest

from app.testing.provider_apis import OPENAI, chunks_of, make_prompt


@pytest.mark.parametrize("path", ["", "/v1", "/v1/", "/a/b/v1"])
def test_the_request_goes_to_the_configured_path_with_what_the_server_needs_to_know(upstream, path) -> None:
    upstream.play(OPENAI.answer("x"))
    chunks_of(OPENAI.model(upstream.url + path))
    request = upstream.requests[0]
    assert request.line == f"POST {path.rstrip('/')}/chat/completions HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{upstream.port}"
    assert request.headers["content-type"] == "application/json"
    assert not {"authorization", "openai-organization"} & set(request.headers)
    assert request.json == {
        "model": "m-1",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_key_organisation_and_further_headers_are_sent(upstream, monkeypatch) -> None:
    monkeypatch.setenv("SOME_KEY", " sk-123 \n")
    upstream.play(OPENAI.answer("x"))
    headers = {"X-Team": "a b", "Accept": "text/event-stream"}
    chunks_of(OPENAI.model(upstream.url, api_key_env="SOME_KEY", organization="org-1", headers=headers))
    sent = upstream.requests[0].headers
    assert (sent["authorization"], sent["openai-organization"]) == ("Bearer sk-123", "org-1")
    assert (sent["x-team"], sent["accept"]) == ("a b", "text/event-stream")


@pytest.mark.parametrize(
    ("configured", "asked", "sent"),
    [
        ({}, {}, {}),
        ({"stream_usage": False}, {}, {}),
        ({"temperature": 0.2, "top_p": 0.5, "seed": 1}, {}, {"temperature": 0.2, "top_p": 0.5, "seed": 1}),
        ({"temperature": 0.2, "seed": 1}, {"temperature": 0, "seed": 0}, {"temperature": 0, "seed": 0}),
        ({}, {"temperature": 1.5, "top_p": 0.1, "seed": 7}, {"temperature": 1.5, "top_p": 0.1, "seed": 7}),
        ({"max_tokens": 50}, {}, {"max_tokens": 50}),
        ({}, {"max_tokens": 20}, {"max_tokens": 20}),
        ({"max_tokens": 50}, {"max_tokens": 20}, {"max_tokens": 20}),
        ({"max_tokens": 50}, {"max_tokens": 90}, {"max_tokens": 50}),
        ({"max_tokens_field": "max_completion_tokens"}, {"max_tokens": 9}, {"max_completion_tokens": 9}),
        ({"stop": ["END"]}, {}, {"stop": ["END"]}),
    ],
    ids=str,
)
def test_options_are_the_callers_within_what_is_configured(upstream, configured, asked, sent) -> None:
    upstream.play(OPENAI.answer("x"))
    chunks_of(OPENAI.model(upstream.url, **configured), make_prompt(**asked))
    body = upstream.requests[0].json
    usual = {"model", "messages", "stream"} | ({"stream_options"} if configured.get("stream_usage", True) else set())
    assert body.keys() == usual | sent.keys()
    assert {name: body[name] for name in sent} == sent
