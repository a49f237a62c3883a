"""A conversation as servers with OpenAI's API are sent it."""

import pytest

from app.engine.agent import AnswerOptions, ToolSpec
from app.engine.messages import Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.prompt import Prompt
from app.providers.apis.call_names import accepted_ids
from app.providers.apis.dialogue import NO_OUTPUT
from app.testing.provider_apis import AGENT, OPENAI, chunks_of

TOLD = ToolSpec("clock", "Tells the time.", {"type": "object", "properties": {}})
ROUNDS = Message(
    "assistant",
    (
        ReasoningPart("secret thoughts"),
        TextPart("Let me see. "),
        ToolCallPart("a", "clock", {"zone": "UTC"}),
        ToolCallPart("b", "clock", {}),
        ToolResultPart("b", "clock", "There is no clock.", is_error=True),
        ToolResultPart("a", "clock", {"time": "12:00"}, is_error=False),
        TextPart("Once more."),
        ToolCallPart("c", "clock", {}),
        ToolResultPart("c", "clock", ["ü", None], is_error=False),
    ),
)

A, B, C = accepted_ids(["a", "b", "c"])


def called(call_id: str, arguments: str) -> dict:
    return {"id": call_id, "type": "function", "function": {"name": "clock", "arguments": arguments}}


def test_calls_and_results_of_two_rounds_are_messages_in_the_order_the_api_wants(upstream) -> None:
    upstream.play(OPENAI.answer("x"))
    messages = [text_message("system", "Be brief."), text_message("user", "Time?"), ROUNDS]
    chunks_of(OPENAI.model(upstream.url), Prompt(AGENT, messages, AnswerOptions(), [TOLD]))
    body = upstream.requests[0].json
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Time?"},
        {
            "role": "assistant",
            "content": "Let me see. ",
            "tool_calls": [called(A, '{"zone":"UTC"}'), called(B, "{}")],
        },
        {"role": "tool", "tool_call_id": B, "content": "There is no clock."},
        {"role": "tool", "tool_call_id": A, "content": '{"time":"12:00"}'},
        {"role": "assistant", "content": "Once more.", "tool_calls": [called(C, "{}")]},
        {"role": "tool", "tool_call_id": C, "content": '["ü",null]'},
    ]
    function = {"name": "clock", "description": "Tells the time.", "parameters": TOLD.parameters}
    assert body["tools"] == [{"type": "function", "function": function}]


def test_a_call_without_words_has_null_as_its_content(upstream) -> None:
    upstream.play(OPENAI.answer("x"))
    called = (ToolCallPart("a", "clock", {}), ToolResultPart("a", "clock", " ", is_error=False), TextPart("12."))
    messages = [text_message("user", "Time?"), Message("assistant", called), text_message("user", "Thanks")]
    chunks_of(OPENAI.model(upstream.url), Prompt(AGENT, messages, AnswerOptions(), [TOLD]))
    _, call, result, _, _ = upstream.requests[0].json["messages"]
    assert (call["content"], result["content"]) == (None, NO_OUTPUT)


@pytest.mark.parametrize(
    ("offered", "choice"), [((), "none"), ((TOLD,), None), ((ToolSpec("lookup", "", {"type": "object"}),), None)]
)
def test_tools_that_were_called_are_defined_whether_they_may_still_be_called_or_not(upstream, offered, choice) -> None:
    upstream.play(OPENAI.answer("x"))
    messages = [text_message("user", "Time?"), ROUNDS, text_message("user", "Thanks")]
    chunks_of(OPENAI.model(upstream.url), Prompt(AGENT, messages, AnswerOptions(), offered))
    body = upstream.requests[0].json
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names == [*dict.fromkeys([*(tool.name for tool in offered), "clock"])]
    assert body.get("tool_choice") == choice
    assert all(tool["function"]["parameters"]["type"] == "object" for tool in body["tools"])


def test_without_calls_and_tools_no_tools_are_sent(upstream) -> None:
    upstream.play(OPENAI.answer("x"))
    chunks_of(OPENAI.model(upstream.url))
    assert not {"tools", "tool_choice"} & upstream.requests[0].json.keys()


def test_neighbouring_questions_become_one_message_since_templates_want_each_side_in_turn(upstream) -> None:
    upstream.play(OPENAI.answer("x"))
    messages = [
        text_message("user", "One?"),
        text_message("assistant", "1"),
        text_message("user", "Two?"),
        text_message("user", "Still there?"),
    ]
    chunks_of(OPENAI.model(upstream.url), Prompt(AGENT, messages, AnswerOptions()))
    assert upstream.requests[0].json["messages"] == [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "Two?\n\nStill there?"},
    ]
