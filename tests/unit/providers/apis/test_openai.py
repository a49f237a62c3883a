"""Servers with OpenAI's API: what they are asked."""

from dataclasses import replace
from unittest.mock import ANY

import pytest

from app.engine.agent import AnswerOptions
from app.engine.errors import ModelError
from app.engine.messages import text_message
from app.engine.prompt import Prompt
from app.providers.apis.openai import OpenAIOptions, unheeded
from app.testing.model_server import whole
from app.testing.provider_apis import AGENT, OPENAI, chunks_of, make_prompt


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
        ({}, {"temperature": 5, "top_p": 0, "seed": 2**62}, {"temperature": 2, "top_p": 0.01, "seed": 0}),
        ({"sampling": False, "temperature": 1}, {"temperature": 0.3, "top_p": 0.5, "seed": 1}, {"seed": 1}),
        ({"sampling": "one", "temperature": 1}, {"top_p": 0.5}, {"top_p": 0.5}),
        ({"refuses": ["seed", "stop"], "stop": ["END"], "seed": 5}, {"seed": 1}, {}),
        ({"seed_field": "random_seed"}, {"seed": 1}, {"random_seed": 1}),
        ({"reasoning_effort": "low"}, {}, {"reasoning_effort": "low"}),
        ({"model": "gpt-5-mini", "stop": ["END"]}, {"temperature": 0.3, "max_tokens": 9}, {"max_completion_tokens": 9}),
        ({"model": "gpt-5-mini", "sampling": True}, {"temperature": 0.3}, {"temperature": 0.3}),
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


LARGE = "max_tokens is too large: 90000. This model supports at most 16384 completion tokens"
LONG = "'max_tokens' is too large: 90000. This model's maximum context length is 4096 tokens"
RENAMED = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
UNKNOWN = '{"loc": ["body", "max_completion_tokens"], "type": "extra_forbidden"}'
STREAM_OPTIONS = "Unrecognized request argument supplied: stream_options"
OPTIONS = {"temperature", "max_tokens", "max_completion_tokens", "stop", "seed", "stream_options"}
SECOND_TRIES = [  # configured, asked, words of the refusal, the options of the second request
    ({}, {"max_tokens": 90_000}, LARGE, {"stream_options": ANY}),
    ({}, {"max_tokens": 90_000}, LONG, {"stream_options": ANY}),
    ({"max_tokens": 800}, {"max_tokens": 90, "seed": 1}, "no", {"stream_options": ANY, "max_tokens": 90}),
    ({}, {"max_tokens": 90}, RENAMED, {"stream_options": ANY, "max_completion_tokens": 90}),
    ({}, {"max_tokens": 90, "top_p": 1}, "What is top_p?", {"stream_options": ANY, "max_tokens": 90}),
    ({"max_tokens": 800}, {}, RENAMED, {"stream_options": ANY, "max_completion_tokens": 800}),
    (
        {"max_tokens": 8, "max_tokens_field": "max_completion_tokens"},
        {},
        UNKNOWN,
        {"stream_options": ANY, "max_tokens": 8},
    ),
    ({"stop": ["END"], "temperature": 1}, {}, "no", {"stream_options": ANY}),
    ({}, {}, STREAM_OPTIONS, {}),
]


@pytest.mark.parametrize(("configured", "asked", "said", "options"), SECOND_TRIES, ids=str)
def test_the_second_request_is_without_what_the_server_may_have_refused(
    upstream, configured, asked, said, options
) -> None:
    upstream.answers = [whole(OPENAI.refusal(said), 400), OPENAI.answer("x")]
    chunks_of(OPENAI.model(upstream.url, **configured), make_prompt(**asked))
    first, second = (request.json for request in upstream.requests)
    assert {name: second[name] for name in OPTIONS & second.keys()} == options
    assert second["messages"] == first["messages"]


@pytest.mark.parametrize(
    ("refusals", "options"),
    [
        (["Unsupported value: 'temperature'", RENAMED], {"stream_options": ANY, "max_completion_tokens": 90}),
        (["Unsupported value: 'temperature'", LARGE, STREAM_OPTIONS], {}),
        ([STREAM_OPTIONS, RENAMED], {"max_completion_tokens": 90}),
    ],
)
def test_a_server_that_refuses_one_option_after_the_other_answers_in_the_end(upstream, refusals, options) -> None:
    upstream.answers = [*(whole(OPENAI.refusal(said), 400) for said in refusals), OPENAI.answer("x")]
    chunks_of(OPENAI.model(upstream.url), make_prompt(temperature=0, max_tokens=90))
    last = upstream.requests[-1].json
    assert {name: last[name] for name in OPTIONS & last.keys()} == options


def test_the_second_request_keeps_the_limit_of_an_agent(upstream) -> None:
    upstream.answers = [whole(OPENAI.refusal("no"), 400), OPENAI.answer("x")]
    agent = replace(AGENT, max_tokens=500)
    prompt = Prompt(agent, [text_message("user", "Hi")], AnswerOptions(max_tokens=500, temperature=1))
    chunks_of(OPENAI.model(upstream.url), prompt)
    assert upstream.requests[1].json["max_tokens"] == 500


@pytest.mark.parametrize("status", [401, 402, 429, 500])
def test_no_second_request_follows_where_the_options_are_not_the_trouble(upstream, status) -> None:
    upstream.play(whole(OPENAI.refusal("no"), status))
    with pytest.raises(ModelError):
        chunks_of(OPENAI.model(upstream.url), make_prompt(temperature=1))
    assert len(upstream.requests) == 1


def test_what_was_refused_first_and_last_is_noted(upstream) -> None:
    upstream.answers = [whole(OPENAI.refusal("first"), 400), whole(OPENAI.refusal("second"), 400)]
    prompt = make_prompt(temperature=1)
    with pytest.raises(ModelError) as failure:
        OPENAI.model(upstream.url).open(prompt, 5)
    assert "second" in failure.value.details["said"]
    (first,) = prompt.exchange.refused
    assert "first" in first.details["said"]


UNHEEDED = [
    ({"model": "gpt-4o", "temperature": 1, "stop": ["END"]}, []),
    ({"model": "gpt-5", "temperature": 1, "top_p": 1, "stop": ["END"]}, ["temperature", "top_p", "stop"]),
    ({"model": "gpt-5", "temperature": 1, "sampling": True, "stop": ["END"], "refuses": []}, []),
    ({"model": "o3", "seed": 1}, []),
]


@pytest.mark.parametrize(("configured", "told"), UNHEEDED, ids=str)
def test_options_that_are_not_sent_are_told(configured, told) -> None:
    loaded = OpenAIOptions().load({"base_url": "https://api.openai.com/v1", **configured})
    assert sorted(name for name, _ in unheeded(loaded)) == sorted(told)
