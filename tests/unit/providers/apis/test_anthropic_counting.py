"""How Anthropic's API is asked for the tokens of a prompt, and what is no count of it."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.engine.agent import ToolSpec
from app.engine.errors import ModelError, Problem
from app.engine.messages import text_message
from app.engine.ports import TokenCounter
from app.providers.apis.anthropic import AnthropicModel
from app.testing.model_server import CUT, RESET, SILENCE, Action, SlowBytes, head, whole
from app.testing.provider_apis import ANTHROPIC, OPENAI, make_prompt

COUNT = whole(b'{"input_tokens": 42, "new": 1}')
TIMEOUTS = {"connect": 0.4, "first_token": 60, "between_tokens": 60, "total": 900}


def test_a_model_of_anthropics_counts_and_one_of_openais_does_not(upstream) -> None:
    assert isinstance(ANTHROPIC.model(upstream.url), TokenCounter)
    assert not isinstance(OPENAI.model(upstream.url), TokenCounter)


def test_what_the_model_would_get_is_counted_but_for_what_the_api_refuses_to_count(upstream, monkeypatch) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-ant-1")
    upstream.play(COUNT)
    options = {"stop": ["END"], "thinking_tokens": 2000, "temperature": 0.5, "api_key_env": "SOME_KEY"}
    model = ANTHROPIC.model(f"{upstream.url}/v1", **options)
    tool = ToolSpec("clock", "Tells it.", {"type": "object"})
    messages = [text_message("system", "Be brief."), text_message("user", "Hi")]
    assert model.count_tokens(replace(make_prompt(), messages=messages, tools=[tool])) == 42
    request = upstream.requests[0]
    assert request.line == "POST /v1/messages/count_tokens HTTP/1.1"
    assert (request.headers["x-api-key"], request.headers["anthropic-version"]) == ("sk-ant-1", "2023-06-01")
    assert request.json == {
        "model": "m-1",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "system": "Be brief.",
        "tools": [{"name": "clock", "description": "Tells it.", "input_schema": {"type": "object"}}],
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    }


NONSENSE = {
    "a refusal": whole(ANTHROPIC.refusal("no"), 400),
    "no such path": whole(b"", 404),
    "an overload": whole(ANTHROPIC.refusal("busy"), 529),
    "a failure": whole(b"<html>", 500),
    "no JSON": whole(b"<html>"),
    "nothing": whole(b""),
    "a list": whole(b"[]"),
    "no count": whole(b"{}"),
    "none": whole(b'{"input_tokens": null}'),
    "a text": whole(b'{"input_tokens": "42"}'),
    "a truth": whole(b'{"input_tokens": true}'),
    "a part": whole(b'{"input_tokens": 4.5}'),
    "less than nothing": whole(b'{"input_tokens": -1}'),
    "no tokens at all": whole(b'{"input_tokens": 0}'),
    "a stream": ANTHROPIC.answer("x"),
    "too much": whole(b'{"input_tokens": 42, "x": "' + b"x" * 70_000 + b'"}'),
    "a cut": [head(content_type="application/json", content_length="30"), b'{"input_tokens": 42', CUT],
    "a reset": [RESET],
}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_is_no_count_is_a_failure_that_is_asked_for_once(upstream, name) -> None:
    upstream.play(NONSENSE[name])
    with pytest.raises(ModelError):
        ANTHROPIC.model(upstream.url).count_tokens(make_prompt())
    assert len(upstream.requests) == 1


SLOW = {
    "no head": [SILENCE],
    "no body": [head(content_type="application/json", content_length="20"), SILENCE],
    "drops": [head(content_type="application/json", content_length="20"), SlowBytes(b'{"input_tokens": 42}', 20)],
    "no end of a refusal": [head(500, content_length="20"), SILENCE],
}


@pytest.mark.timed
@pytest.mark.parametrize("name", SLOW)
def test_a_count_takes_no_longer_than_connecting_may(upstream, name) -> None:
    actions: Sequence[Action] = SLOW[name]
    upstream.play(actions, COUNT)
    model: AnthropicModel = ANTHROPIC.model(upstream.url, timeouts=TIMEOUTS)
    began = time.monotonic()
    with pytest.raises(ModelError) as raised:
        model.count_tokens(make_prompt())
    assert 0.3 < time.monotonic() - began < 1.5
    if name != "no end of a refusal":
        assert raised.value.problem is Problem.UPSTREAM_TIMEOUT
        assert raised.value.reason == "no count within 0.4 s"
    assert model.count_tokens(make_prompt()) == 42, "over a connection of its own"
