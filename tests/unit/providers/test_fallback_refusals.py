"""A model that refuses a conversation with tool calls is asked once more, with them told in words."""

import logging
from dataclasses import replace

import pytest
from support.fallback import FAILED, SPEAKS, WRONG, Stub, failure, fallback, heard

from app.engine.agent import AnswerOptions, ToolSpec
from app.engine.errors import FailureKind, ModelError, Problem
from app.engine.exchange import Exchange
from app.engine.messages import Message, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.prompt import Prompt
from app.testing.model_server import sse, streamed, whole
from app.testing.provider_apis import AGENT, OPENAI, PROVIDER_APIS, ProviderApi

CALLED = (ToolCallPart("a", "clock", {}), ToolResultPart("a", "clock", "12:00", is_error=False))
CLOCK = ToolSpec("clock", "Tells the time.", {"type": "object", "properties": {}})
EARLIER = Prompt(
    AGENT,
    [text_message("user", "Time?"), Message("assistant", (*CALLED, TextPart("12."))), text_message("user", "Thanks")],
    AnswerOptions(),
    [CLOCK],
    exchange=Exchange("request-7"),
)
JUST_NOW = replace(EARLIER, messages=[text_message("user", "Time?"), Message("assistant", CALLED)])
TOO_LONG = ModelError(Problem.UPSTREAM_FAILED, kind=FailureKind.TOO_LONG)


def is_told(prompt: Prompt) -> bool:
    return not any(isinstance(part, ToolCallPart) for message in prompt.messages for part in message.parts)


@pytest.mark.parametrize("prompt", [EARLIER, JUST_NOW], ids=["earlier calls", "calls of the round before"])
def test_it_is_asked_again_and_the_answer_is_the_models(prompt, caplog) -> None:
    model = Stub(WRONG, SPEAKS)
    with caplog.at_level(logging.WARNING):
        name, said = heard(fallback(model), prompt=prompt)
    assert (name, len(said)) == ("m1", 2)
    assert [is_told(asked) for asked in model.prompts] == [False, True]
    assert all("12:00" in str(asked.messages) and asked.tools == [CLOCK] for asked in model.prompts)
    (line,) = caplog.records
    assert (line.levelname, line.model, line.request_id) == ("WARNING", "m1", "request-7")
    assert "in words" in line.getMessage()


def test_a_refusal_of_that_too_ends_the_turn() -> None:
    model, other = Stub(WRONG), Stub(SPEAKS)
    assert failure(lambda: heard(fallback(model, other), prompt=EARLIER)) is WRONG
    assert ([is_told(asked) for asked in model.prompts], other.prompts) == ([False, True], [])


def test_the_circuit_hears_of_nothing() -> None:
    model = Stub(WRONG, SPEAKS)
    asked = fallback(model, failures=1)
    for _ in range(3):
        model.rounds = [WRONG, SPEAKS]
        heard(asked, prompt=EARLIER)
    assert len(model.prompts) == 6


def test_another_model_is_asked_as_before() -> None:
    first, second = Stub(WRONG, FAILED), Stub(SPEAKS)
    assert heard(fallback(first, second), prompt=EARLIER)[0] == "m2"
    assert [is_told(asked) for asked in (*first.prompts, *second.prompts)] == [False, True, False]


@pytest.mark.parametrize("error", [FAILED, TOO_LONG], ids=["its own trouble", "too long"])
def test_other_failures_are_no_reason(error) -> None:
    model = Stub(error)
    failure(lambda: heard(fallback(model), prompt=JUST_NOW))
    assert not any(map(is_told, model.prompts))


def test_a_model_that_a_conversation_is_too_long_for_is_asked_with_its_later_half_when_no_other_can_answer() -> None:
    models = (
        Stub(TOO_LONG),
        Stub(TOO_LONG, SPEAKS),
        Stub(ModelError(Problem.UPSTREAM_FAILED, kind=FailureKind.STANDING)),
    )
    assert heard(fallback(*models), prompt=EARLIER)[0] == "m2"
    assert [len(model.prompts) for model in models] == [1, 2, 1]
    assert [message.text for message in models[1].prompts[1].messages] == ["Thanks"]


def test_in_a_later_round_it_is_asked_so_too() -> None:
    model, asked = Stub(TOO_LONG, SPEAKS), [*EARLIER.messages, Message("assistant", CALLED)]
    stream = fallback(model).ask(replace(EARLIER, messages=asked), 5, "m1")
    list(stream.connect())
    assert [len(prompt.messages) for prompt in model.prompts] == [4, 2]


@pytest.mark.parametrize("prompt", [EARLIER, JUST_NOW], ids=["some", "nothing"])
def test_what_is_too_long_without_what_may_be_left_out_has_failed(prompt) -> None:
    model = Stub(TOO_LONG)
    assert failure(lambda: heard(fallback(model), prompt=prompt)) is TOO_LONG
    assert len(model.prompts) == (2 if prompt is EARLIER else 1)


def test_without_calls_there_is_nothing_to_tell() -> None:
    model = Stub(WRONG)
    assert failure(lambda: heard(fallback(model))) is WRONG
    assert len(model.prompts) == 1


@pytest.mark.parametrize("api", PROVIDER_APIS, ids=repr)
def test_a_real_server_gets_a_request_without_calls_and_with_the_tools(upstream, api: ProviderApi) -> None:
    upstream.play(whole(api.refusal("unexpected tool_use_id"), 400), api.answer("x"))
    heard(fallback(api.model(upstream.url)), prompt=JUST_NOW)
    first, second = (request.json for request in upstream.requests)
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
    assert "clock returned: 12:00" in str(second["messages"][-1])
    assert first["tools"] == second["tools"]


def test_a_refusal_within_a_stream_is_one_too(upstream) -> None:
    refused = sse({"error": {"code": 400, "message": "Unexpected role 'user' after role 'tool'"}})
    upstream.play([*streamed(refused), b"0\r\n\r\n"], OPENAI.answer("x"))
    assert heard(fallback(OPENAI.model(upstream.url)), prompt=EARLIER)[0] == "m1"
    assert len(upstream.requests) == 2
