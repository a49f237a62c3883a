"""Anthropic's Messages API: what it is asked."""

import pytest

from app.providers.apis.anthropic import AnthropicOptions, unheeded
from app.testing.model_server import whole
from app.testing.provider_apis import ANTHROPIC, chunks_of, make_prompt

ADAPTIVE, LOW = {"type": "adaptive", "display": "summarized"}, {"effort": "low"}


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
        ({}, {"top_p": 0}, {"top_p": 0.01}),
        ({"sampling": "one", "temperature": 0.5}, {"top_p": 0.5}, {"top_p": 0.5}),
        ({"model": "claude-sonnet-4-5"}, {"temperature": 0.5, "top_p": 0.5}, {"temperature": 0.5}),
        ({"model": "claude-sonnet-4-5", "sampling": False}, {"temperature": 0.5}, {}),
        ({"model": "claude-opus-4-7", "temperature": 0.2}, {"temperature": 0.5, "top_p": 0.5}, {}),
        ({"model": "claude-opus-4-7", "thinking_tokens": 2048}, {}, {"thinking": ADAPTIVE, "output_config": LOW}),
        ({"thinking": "adaptive", "thinking_tokens": 2048}, {}, {"thinking": ADAPTIVE, "output_config": LOW}),
        ({"thinking": "adaptive"}, {"temperature": 0.5}, {"thinking": ADAPTIVE}),
        ({"thinking": "adaptive", "thinking_tokens": 2048}, {"max_tokens": 2048}, {"max_tokens": 2048}),
        ({"thinking": "budget"}, {}, {}),
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


@pytest.mark.parametrize(
    ("tokens", "effort"), [(1024, "low"), (2048, "low"), (2049, "medium"), (8192, "medium"), (8193, "high")]
)
def test_a_budget_becomes_an_effort_where_the_model_takes_none(upstream, tokens, effort) -> None:
    upstream.play(ANTHROPIC.answer("x"))
    chunks_of(ANTHROPIC.model(upstream.url, model="claude-opus-4-7", thinking_tokens=tokens, max_tokens=16_000))
    assert upstream.requests[0].json["output_config"] == {"effort": effort}


NO_BUDGET = (
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort".'
)
SECOND_TRIES = [  # configured, asked, words of the refusal, what the second request has beside the bare one
    ({"thinking_tokens": 2048}, {}, NO_BUDGET, {"thinking": ADAPTIVE, "output_config": LOW}),
    ({"thinking_tokens": 2048}, {}, "thinking is not supported", {}),
    ({"thinking": "adaptive"}, {}, "adaptive thinking is not supported on this model", {}),
    ({"stop": ["END"]}, {"temperature": 1}, "no", {}),
]


@pytest.mark.parametrize(("configured", "asked", "said", "more"), SECOND_TRIES, ids=str)
def test_the_second_request_is_without_what_the_server_may_have_refused(
    upstream, configured, asked, said, more
) -> None:
    upstream.answers = [whole(ANTHROPIC.refusal(said), 400), ANTHROPIC.answer("x")]
    chunks_of(ANTHROPIC.model(upstream.url, **configured), make_prompt(**asked))
    bare = {"model": "m-1", "max_tokens": 4096, "messages": upstream.requests[0].json["messages"], "stream": True}
    assert upstream.requests[1].json == {**bare, **more}


UNHEEDED = [
    ({"temperature": 1}, []),
    ({"seed": 1}, ["seed"]),
    ({"temperature": 2}, ["temperature"]),
    ({"thinking_tokens": 4096}, ["thinking_tokens"]),
    ({"thinking_tokens": 2048, "temperature": 1}, ["thinking_tokens"]),
    ({"model": "claude-opus-4-7", "thinking_tokens": 2048, "temperature": 1}, ["thinking_tokens", "temperature"]),
    ({"model": "claude-sonnet-4-5", "top_p": 1, "temperature": 1}, ["top_p"]),
    ({"thinking": "adaptive", "top_p": 1}, ["thinking"]),
]


@pytest.mark.parametrize(("configured", "told"), UNHEEDED, ids=str)
def test_options_that_are_not_sent_as_they_are_configured_are_told(configured, told) -> None:
    loaded = AnthropicOptions().load({"model": "m-1", **configured})
    assert sorted(name for name, _ in unheeded(loaded)) == sorted(told)
