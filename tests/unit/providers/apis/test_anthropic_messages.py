"""A conversation as Anthropic's Messages API is sent it."""

from app.engine.agent import AnswerOptions, ToolSpec
from app.engine.messages import Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.prompt import Prompt
from app.providers.apis.call_names import accepted_ids
from app.providers.apis.dialogue import NO_OUTPUT
from app.testing.provider_apis import AGENT, ANTHROPIC, chunks_of

A, B = accepted_ids(["a", "b"])


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
    chunks_of(ANTHROPIC.model(upstream.url), Prompt(AGENT, messages, AnswerOptions(), [spec]))
    body = upstream.requests[0].json
    assert body["system"] == "Be brief.\n\nBe kind."
    assert body["tools"] == [{"name": "clock", "description": "Tells the time.", "input_schema": {"type": "object"}}]
    user, assistant, results = body["messages"]
    assert user == {"role": "user", "content": [text("Hi\n\nTime?")]}
    assert assistant == {
        "role": "assistant",
        "content": [
            text("Let me see."),
            {"type": "tool_use", "id": A, "name": "clock", "input": {"zone": "UTC"}},
            {"type": "tool_use", "id": B, "name": "clock", "input": {}},
        ],
    }
    failed = {"type": "tool_result", "tool_use_id": B, "content": "There is no clock.", "is_error": True}
    assert results == {
        "role": "user",
        "content": [failed, {"type": "tool_result", "tool_use_id": A, "content": '{"time":"12:00"}'}],
    }


def test_tools_that_were_called_are_defined_and_none_may_be_called_where_none_are_offered(upstream) -> None:
    upstream.play(ANTHROPIC.answer("x"))
    called = (ToolCallPart("a", "clock", {}), ToolResultPart("a", "clock", "", is_error=False), TextPart("12."))
    messages = [text_message("user", "Time?"), Message("assistant", called), text_message("user", "Thanks")]
    for offered in ((), (ToolSpec("lookup", "Looks up.", {"type": "object"}),)):
        chunks_of(
            ANTHROPIC.model(upstream.url, thinking_tokens=2000), Prompt(AGENT, messages, AnswerOptions(), offered)
        )
        body = upstream.requests[-1].json
        assert [tool["name"] for tool in body["tools"]] == [*(tool.name for tool in offered), "clock"]
        assert body.get("tool_choice") == (None if offered else {"type": "none"})
        assert body["messages"][2]["content"][0]["content"] == NO_OUTPUT
        assert "thinking" in body, "the two go together"


def test_without_calls_and_tools_no_tools_are_sent(upstream) -> None:
    upstream.play(ANTHROPIC.answer("x"))
    chunks_of(ANTHROPIC.model(upstream.url))
    assert not {"tools", "tool_choice"} & upstream.requests[0].json.keys()
