"""A conversation as Anthropic's Messages API is sent it."""

import re
from itertools import chain

from app.engine.agent import SamplingOptions, ToolSpec
from app.engine.messages import Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.prompt import Prompt
from app.testing.provider_apis import AGENT, ANTHROPIC, chunks_of


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
