"""What callers ask of an answer beside sampling, as each API is sent it: calls, texts that end it, formats, effort."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.engine.agent import AnswerFormat, AnswerOptions, ToolChoice, ToolSpec
from app.engine.messages import (
    ImagePart,
    Message,
    ProviderMetadata,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    text_message,
)
from app.engine.prompt import Prompt
from app.testing.model_server import whole
from app.testing.provider_apis import AGENT, ANTHROPIC, OPENAI, PROVIDER_APIS, chunks_of

CLOCK = ToolSpec("clock", "Tells the time.", {"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FORMAT = AnswerFormat(SCHEMA, "place", "A place", strict=True)
SCHEMA_OF_ANTHROPIC = {"format": {"type": "json_schema", "schema": SCHEMA}}
BUDGET = {"type": "enabled", "budget_tokens": 2048}
ADAPTIVE = {"type": "adaptive", "display": "summarized"}
EVERYTHING = (
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "stop",
    "stop_sequences",
    "response_format",
    "output_config",
)
ANY, NAMED = ToolChoice("required"), ToolChoice("required", "clock")


def prompt(tools: Sequence[ToolSpec] = (), messages: Sequence[Message] = (), **options: Any) -> Prompt:
    return Prompt(AGENT, messages or [text_message("user", "Hi")], AnswerOptions(**options), tools)


def sent(upstream, api, asked: Prompt, **configured: Any) -> dict[str, Any]:
    upstream.play(api.answer("x"))
    chunks_of(api.model(upstream.url, **configured), asked)
    return upstream.requests[0].json


def fields(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: body[name] for name in names if name in body}


@pytest.mark.parametrize(
    ("asked", "openai", "anthropic"),
    [
        ({}, {}, {}),
        ({"tool_choice": ToolChoice("none")}, {}, {}),
        ({"tool_choice": ANY}, {"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        (
            {"tool_choice": NAMED},
            {"tool_choice": {"type": "function", "function": {"name": "clock"}}},
            {"tool_choice": {"type": "tool", "name": "clock"}},
        ),
        (
            {"one_call_at_a_time": True},
            {"parallel_tool_calls": False},
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        (
            {"one_call_at_a_time": True, "tool_choice": ANY},
            {"parallel_tool_calls": False, "tool_choice": "required"},
            {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
        ),
    ],
    ids=str,
)
def test_which_tools_are_called_and_how_many_at_once_is_told(upstream, asked, openai, anthropic) -> None:
    names = ("tool_choice", "parallel_tool_calls")
    assert fields(sent(upstream, OPENAI, prompt([CLOCK], **asked)), *names) == openai
    assert fields(sent(upstream, ANTHROPIC, prompt([CLOCK], **asked)), *names) == anthropic


@pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)
def test_nothing_is_said_of_calls_where_there_is_no_tool(upstream, api) -> None:
    body = sent(upstream, api, prompt(one_call_at_a_time=True))
    assert fields(body, "tools", "tool_choice", "parallel_tool_calls") == {}


@pytest.mark.parametrize(
    ("configured", "asked", "told"),
    [
        ({}, ("END",), ["END"]),
        ({"stop": ["</s>"]}, ("END",), ["</s>", "END"]),
        ({"stop": ["</s>", "END"]}, ("END", "STOP"), ["</s>", "END", "STOP"]),
        ({"stop": ["</s>"]}, (), ["</s>"]),
    ],
)
def test_a_callers_texts_that_end_the_answer_come_behind_the_configured_ones(upstream, configured, asked, told) -> None:
    assert sent(upstream, OPENAI, prompt(stop=asked), **configured)["stop"] == told
    assert sent(upstream, ANTHROPIC, prompt(stop=asked), **configured)["stop_sequences"] == told


def test_an_answer_is_held_to_a_schema(upstream) -> None:
    told = {"name": "place", "schema": SCHEMA, "description": "A place", "strict": True}
    body = sent(upstream, OPENAI, prompt(format=FORMAT))
    assert body["response_format"] == {"type": "json_schema", "json_schema": told}
    assert sent(upstream, ANTHROPIC, prompt(format=FORMAT))["output_config"] == SCHEMA_OF_ANTHROPIC


def test_a_schema_without_a_name_gets_one_and_nothing_that_nobody_asked(upstream) -> None:
    body = sent(upstream, OPENAI, prompt(format=AnswerFormat(SCHEMA)))
    assert body["response_format"] == {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}


def test_any_json_may_be_asked_for(upstream) -> None:
    assert sent(upstream, OPENAI, prompt(format=AnswerFormat()))["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("configured", "asked", "told"),
    [({}, "high", "high"), ({"reasoning_effort": "low"}, "none", "none"), ({"reasoning_effort": "low"}, None, "low")],
)
def test_a_callers_effort_goes_before_the_configured_one(upstream, configured, asked, told) -> None:
    assert sent(upstream, OPENAI, prompt(effort=asked), **configured)["reasoning_effort"] == told


@pytest.mark.parametrize(
    ("configured", "asked", "told"),
    [
        ({}, "low", {"thinking": BUDGET}),
        ({}, "none", {}),
        ({"thinking_tokens": 1024}, "none", {}),
        ({"thinking_tokens": 1024}, "low", {"thinking": BUDGET}),
        ({"thinking": "adaptive"}, "none", {}),
        ({"thinking": "adaptive"}, "minimal", {"thinking": ADAPTIVE, "output_config": {"effort": "low"}}),
        ({"model": "claude-opus-4-7"}, "medium", {"thinking": ADAPTIVE, "output_config": {"effort": "medium"}}),
        ({"model": "claude-opus-4-7"}, "xhigh", {"thinking": ADAPTIVE, "output_config": {"effort": "high"}}),
        ({"max_tokens": 2049}, "xhigh", {"thinking": BUDGET}),
        ({"max_tokens": 2048}, "low", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ({"max_tokens": 1024}, "xhigh", {}),
        (
            {"model": "claude-opus-4-7", "max_tokens": 50},
            "high",
            {"thinking": ADAPTIVE, "output_config": {"effort": "high"}},
        ),
    ],
    ids=str,
)
def test_effort_is_a_budget_for_thinking_or_what_takes_its_place(upstream, configured, asked, told) -> None:
    body = sent(upstream, ANTHROPIC, prompt(effort=asked), **{"max_tokens": 50_000, **configured})
    assert fields(body, "thinking", "output_config") == told


@pytest.mark.parametrize("configured", [{"thinking_tokens": 2048}, {"thinking": "adaptive"}, {}], ids=str)
def test_a_model_that_must_call_a_tool_does_not_think_since_the_api_takes_no_such_pair(upstream, configured) -> None:
    asked = prompt([CLOCK], tool_choice=ANY, effort="low", temperature=0.5)
    body = sent(upstream, ANTHROPIC, asked, **configured)
    assert "thinking" not in body
    assert body["temperature"] == 0.5


def test_effort_and_format_stand_side_by_side(upstream) -> None:
    asked = prompt(effort="low", format=FORMAT)
    body = sent(upstream, ANTHROPIC, asked, model="claude-opus-4-7")
    assert body["output_config"] == {**SCHEMA_OF_ANTHROPIC, "effort": "low"}


ASKED = prompt(
    [CLOCK],
    [Message("user", (TextPart("Is it late?"), ImagePart("https://example.com/a.png")))],
    temperature=0.1,
    stop=("END",),
    format=FORMAT,
    tool_choice=NAMED,
    one_call_at_a_time=True,
)


@pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)
def test_a_second_try_is_without_sampling_and_loses_nothing_that_changes_what_the_caller_gets(upstream, api) -> None:
    upstream.answers = [whole(api.refusal("no"), 400), api.answer("x")]
    chunks_of(api.model(upstream.url, stop=["</s>"], images=True), ASKED)
    first, second = (request.json for request in upstream.requests)
    assert "temperature" in first
    assert "temperature" not in second
    assert fields(second, *EVERYTHING, "messages") == fields(first, *EVERYTHING, "messages")
    assert len(fields(second, *EVERYTHING)) == {"openai": 5, "anthropic": 4}[api.provider]
    assert second.get("stop", second.get("stop_sequences")) == ["</s>", "END"]


def test_a_second_try_that_thinks_otherwise_keeps_the_format(upstream) -> None:
    said = "thinking.type.enabled is not supported for this model. Use thinking.type.adaptive"
    upstream.answers = [whole(ANTHROPIC.refusal(said), 400), ANTHROPIC.answer("x")]
    chunks_of(ANTHROPIC.model(upstream.url), prompt(effort="low", format=FORMAT))
    first, second = (request.json for request in upstream.requests)
    assert fields(first, "thinking", "output_config") == {"thinking": BUDGET, "output_config": SCHEMA_OF_ANTHROPIC}
    assert second["thinking"] == ADAPTIVE
    assert second["output_config"] == {**SCHEMA_OF_ANTHROPIC, "effort": "low"}


def test_a_model_that_is_not_to_think_gets_no_earlier_thoughts(upstream) -> None:
    signed = ProviderMetadata({"type": "thinking", "signature": "abc"}, "m")
    said = (
        ReasoningPart("Hm", signed),
        ToolCallPart("a", "clock", {}),
        ToolResultPart("a", "clock", "12", is_error=False),
    )
    messages = [text_message("user", "Time?"), Message("assistant", said)]
    body = sent(upstream, ANTHROPIC, prompt([CLOCK], messages, effort="none"))
    kinds = [block["type"] for message in body["messages"] for block in message["content"]]
    assert kinds == ["text", "tool_use", "tool_result"]
