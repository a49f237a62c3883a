"""Whatever conversation the store holds: what is sent of it breaks no rule of any API, and nothing is left out."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.payload_rules import gemini_faults, mistral_faults, openai_faults
from support.payload_rules_anthropic import anthropic_faults, bedrock_faults, converted

from app.engine.agent import Agent, AnswerOptions, ToolSpec
from app.engine.calls_in_words import without_calls
from app.engine.messages import (
    Message,
    ProviderMetadata,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    text_message,
)
from app.engine.prompt import Passage, Prompt, assemble
from app.providers.apis import anthropic_messages, openai_messages
from app.providers.apis.dialogue import NO_ANSWER, NO_WORDS, dialogue_of, result_text
from app.store.parts import message_from_json, parts_to_json
from app.testing.provider_apis import AGENT

BLANK = st.sampled_from(["", " ", "\n\t", "\u2003"])
TEXT = st.one_of(BLANK, st.text(max_size=20), st.just("Hello"))
IDS = st.one_of(st.sampled_from(["", "a", "b", "abcdefghi", "Abc123xyz", "functions.clock:0", "x" * 60]), st.text())
NAMES = st.one_of(
    st.sampled_from(["clock", "calculator", "", "<|channel|>commentary", "functions.clock", "default_api:clock"]),
    st.sampled_from(["look up", "2nd", "-x", "ユーザー検索", "x" * 65]),
    st.text(),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)
BESIDE_CALLS = st.just(ProviderMetadata({"extra_content": {"google": {"thought_signature": "x"}}}, "mine"))
THOUGHTS = st.sampled_from(
    [
        ProviderMetadata({"names": ["reasoning_content"]}, "mine"),
        ProviderMetadata({"names": [], "fields": {"reasoning_details": [{"data": "x"}]}}, "mine"),
    ]
)
CALLS = st.builds(
    ToolCallPart, IDS, NAMES, st.dictionaries(st.text(), JSON, max_size=3), st.one_of(st.none(), BESIDE_CALLS)
)
RESULTS = st.builds(ToolResultPart, IDS, NAMES, JSON, st.booleans())
THOUGHT = st.builds(ReasoningPart, TEXT, st.one_of(st.none(), THOUGHTS))
PART = st.one_of(st.builds(TextPart, TEXT), THOUGHT, CALLS, RESULTS)


@st.composite
def rounds(draw: st.DrawFn) -> list:
    """Calls with their results, in any order, as a model or the steps of a workflow leave them."""
    calls = draw(st.lists(CALLS, min_size=1, max_size=3))
    results = [ToolResultPart(call.call_id, call.name, draw(JSON), draw(st.booleans())) for call in calls]
    return [*calls, *draw(st.permutations(results))]


ANSWER = st.lists(st.one_of(PART.map(lambda part: [part]), rounds()), max_size=5).map(lambda lists: sum(lists, []))  # noqa: RUF017 - short
MESSAGE = st.one_of(
    st.builds(text_message, st.sampled_from(["user", "user", "system"]), TEXT),
    st.builds(Message, st.just("assistant"), ANSWER.map(tuple)),
)
TOOLS = st.lists(
    st.sampled_from(["clock", "calculator", "lookup"]).map(
        lambda name: ToolSpec(name, name, {"type": "object", "properties": {"zone": {"type": "string"}}})
    ),
    unique_by=lambda tool: tool.name,
)
AGENTS = st.builds(
    Agent,
    id=st.just("demo"),
    name=st.just("Demo"),
    models=st.just(("m",)),
    instructions=TEXT,
    history_messages=st.sampled_from([1, 2, 3, 30]),
    history_tokens=st.sampled_from([1, 40, 8000]),
)


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    """As a turn makes them, of a history that was stored and read back."""
    agent, tools = draw(AGENTS), draw(TOOLS)
    stored = [
        message_from_json(message.role, orjson.loads(orjson.dumps(parts_to_json(message))))
        for message in draw(st.lists(MESSAGE, max_size=6))
    ]
    so_far = Message(
        "assistant", tuple(draw(st.one_of(st.just([]), ANSWER, st.builds(list.__add__, ANSWER, rounds()))))
    )
    passages = draw(st.lists(st.builds(Passage, st.just("a.md"), TEXT, TEXT), max_size=1))
    return Prompt(agent, assemble(agent, stored, passages, so_far), AnswerOptions(), tools)


@settings(max_examples=250, deadline=None)
@given(prompts())
def test_no_server_refuses_what_is_sent_of_any_history(prompt) -> None:
    for asked in filter(None, (prompt.for_model("other"), without_calls(prompt))):
        payload = orjson.loads(orjson.dumps(openai_messages.conversation_fields(asked)))
        assert openai_faults(payload) + mistral_faults(payload) + gemini_faults(payload) == []
        assert anthropic_faults(converted(payload)) + bedrock_faults(converted(payload)) == []
        blocks = orjson.loads(orjson.dumps(anthropic_messages.conversation_fields(asked)))
        assert anthropic_faults(blocks) + bedrock_faults(blocks) == []


@settings(max_examples=80, deadline=None)
@given(prompts())
def test_what_a_server_gets_back_of_its_own_stands_beside_what_any_takes(prompt) -> None:
    payload = orjson.loads(orjson.dumps(openai_messages.conversation_fields(prompt)))
    for message in payload["messages"]:
        for own in ("reasoning_content", "reasoning_details"):
            message.pop(own, None)
        for call in message.get("tool_calls", ()):
            call.pop("extra_content", None)
    assert openai_faults(payload) + mistral_faults(payload) + gemini_faults(payload) == []


@settings(max_examples=60, deadline=None)
@given(prompts())
def test_no_word_call_or_result_is_left_out(prompt) -> None:
    """But for blanks, and for what was asked again in the same words."""
    sent = dialogue_of(prompt)
    seen = [message for message in prompt.messages if message.role != "system"]
    for kind in (ToolCallPart, ToolResultPart):
        before, after = (
            [part for message in messages for part in message.parts if isinstance(part, kind)]
            for messages in (seen, sent)
        )
        assert len(before) == len(after)
    contents = [getattr(part, "result", getattr(part, "args", None)) for message in seen for part in message.parts]
    assert [value for value in contents if value is not None] == [
        value
        for message in sent
        for part in message.parts
        if (value := getattr(part, "result", getattr(part, "args", None))) is not None
    ]
    for message in seen:
        text = "".join(part.text for part in message.parts if isinstance(part, TextPart))
        assert not text.strip() or any(message.text.strip() in each.text for each in sent if each.role == message.role)


@settings(max_examples=60, deadline=None)
@given(prompts())
def test_calls_told_in_words_are_no_calls_and_name_what_they_were(prompt) -> None:
    told = without_calls(prompt)
    parts = [part for message in prompt.messages for part in message.parts]
    if not any(isinstance(part, ToolCallPart) or getattr(part, "metadata", None) for part in parts):
        assert told is None
        return
    assert told is not None
    assert {type(part) for message in told.messages for part in message.parts} <= {TextPart}
    said = "\n".join(message.text for message in told.messages)
    assert all(part.name in said for part in parts if isinstance(part, ToolCallPart))
    assert told.tools == prompt.tools
    assert without_calls(told) is None


def sent(*messages: Message) -> list[tuple[str, str]]:
    """The roles and texts that are sent of these messages."""
    prompt = Prompt(AGENT, messages, AnswerOptions())
    return [(message.role, message.text) for message in dialogue_of(prompt)]


def test_a_question_that_was_asked_again_and_again_is_sent_once() -> None:
    again = [text_message("user", "Time?"), text_message("user", "Hello?")] * 9
    assert sent(*again) == [("user", "Time?\n\nHello?")]
    assert sent(*again, text_message("user", "Time?")) == [("user", "Hello?\n\nTime?")]


def test_a_question_without_words_keeps_its_place() -> None:
    asked = [text_message("user", "A?"), text_message("assistant", "A"), text_message("user", " \n")]
    assert sent(*asked) == [("user", "A?"), ("assistant", "A"), ("user", NO_WORDS)]
    assert sent(*asked, text_message("user", "B?"))[-1] == ("user", "B?")


def test_an_answer_that_ended_with_a_result_is_ended_in_words() -> None:
    called = (ToolCallPart("a", "clock", {}), ToolResultPart("a", "clock", "12", is_error=False))
    asked = text_message("user", "Time?")
    assert sent(asked, Message("assistant", called)) == [("user", "Time?"), ("assistant", "")], "it goes on"
    assert sent(asked, Message("assistant", called), asked)[1:] == [("assistant", NO_ANSWER), ("user", "Time?")]


def test_texts_of_neighbouring_answers_are_not_run_together() -> None:
    asked, answer = text_message("user", "A?"), text_message("assistant", "A")
    assert sent(asked, answer, answer, asked)[1] == ("assistant", "A\n\nA")


@pytest.mark.parametrize(("result", "text"), [("x", "x"), (None, "null"), ({"a": "ü"}, '{"a":"ü"}'), (" x ", " x ")])
def test_a_result_is_its_text_or_its_json(result, text) -> None:
    assert result_text(result) == text
    assert result_text("") == result_text("\n") != ""
