"""A conversation as servers with OpenAI's API are sent it."""

from itertools import chain

from app.engine.agent import SamplingOptions, ToolSpec
from app.engine.messages import Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.prompt import Prompt
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


def called(call_id: str, arguments: str) -> dict:
    return {"id": call_id, "type": "function", "function": {"name": "clock", "arguments": arguments}}


def test_calls_and_results_of_two_rounds_are_messages_in_the_order_the_api_wants(upstream) -> None:
    upstream.play(OPENAI.answer("x"))
    messages = [text_message("system", "Be brief."), text_message("user", "Time?"), ROUNDS]
    chunks_of(OPENAI.model(upstream.url), Prompt(AGENT, messages, SamplingOptions(), [TOLD]))
    body = upstream.requests[0].json
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Time?"},
        {
            "role": "assistant",
            "content": "Let me see. ",
            "tool_calls": [called("a", '{"zone":"UTC"}'), called("b", "{}")],
        },
        {"role": "tool", "tool_call_id": "b", "content": "There is no clock."},
        {"role": "tool", "tool_call_id": "a", "content": '{"time":"12:00"}'},
        {"role": "assistant", "content": "Once more.", "tool_calls": [called("c", "{}")]},
        {"role": "tool", "tool_call_id": "c", "content": '["ü",null]'},
    ]
    function = {"name": "clock", "description": "Tells the time.", "parameters": TOLD.parameters}
    assert body["tools"] == [{"type": "function", "function": function}]


def test_ids_of_calls_are_kept_as_far_as_the_api_takes_them_back(upstream) -> None:
    """OpenAI refuses any of more than 40 characters; vLLM's, and those of a workflow's steps, are longer."""
    upstream.play(OPENAI.answer("x"))
    ids = ["functions.clock:0", "x" * 40, "chatcmpl-tool-" + "x" * 32, ""]
    parts = [(ToolCallPart(each, "clock", {}), ToolResultPart(each, "clock", each, is_error=False)) for each in ids]
    messages = [
        text_message("user", "Time?"),
        Message("assistant", tuple(chain(*parts))),
        text_message("user", "Thanks"),
    ]
    chunks_of(OPENAI.model(upstream.url), Prompt(AGENT, messages, SamplingOptions()))
    sent = upstream.requests[0].json["messages"]
    called = [each["tool_calls"][0]["id"] for each in sent if "tool_calls" in each]
    assert called[:2] == ids[:2]
    assert all(1 <= len(each) <= 40 for each in called)
    assert len(set(called)) == len(ids)
    assert [(each["tool_call_id"], each["content"]) for each in sent if each["role"] == "tool"] == [
        *zip(called, ids, strict=True)
    ]


def test_neighbouring_questions_become_one_message_since_templates_want_each_side_in_turn(upstream) -> None:
    upstream.play(OPENAI.answer("x"))
    messages = [
        text_message("user", "One?"),
        text_message("assistant", "1"),
        text_message("user", "Two?"),
        text_message("user", "Still there?"),
    ]
    chunks_of(OPENAI.model(upstream.url), Prompt(AGENT, messages, SamplingOptions()))
    assert upstream.requests[0].json["messages"] == [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "Two?\n\nStill there?"},
    ]
