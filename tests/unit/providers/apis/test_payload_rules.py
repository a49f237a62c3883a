"""The validators of payloads (tests/support): each rule is broken by the payload that it is there for."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from support.payload_rules import gemini_faults, mistral_faults, openai_faults
from support.payload_rules_anthropic import anthropic_faults, bedrock_faults, converted

CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
CLOCK = {"name": "clock", "description": "", "parameters": {"type": "object", "properties": {"zone": {}}}}
GOOD: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Time?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "abcdefghi", "content": "12:00"},
        {"role": "assistant", "content": "Noon."},
        {"role": "user", "content": "Thanks"},
    ],
    "tools": [{"type": "function", "function": CLOCK}],
    "tool_choice": "none",
}
Change = Callable[[dict[str, Any]], object]


def messages(*numbers: int) -> Change:
    """Only these of the messages, in this order."""
    return lambda payload: payload.update(messages=[payload["messages"][number] for number in numbers])


def message(number: int, **fields: Any) -> Change:
    return lambda payload: payload["messages"][number].update(fields)


def call(**fields: Any) -> Change:
    return lambda payload: payload["messages"][2]["tool_calls"][0].update(fields)


def function(name: str = "clock", arguments: str = "{}") -> Change:
    return call(function={"name": name, "arguments": arguments})


def tool(**fields: Any) -> Change:
    return lambda payload: payload["tools"][0]["function"].update(fields)


def without(number: int, field: str) -> Change:
    return lambda payload: payload["messages"][number].pop(field)


BROKEN: dict[Callable[[Any], list[str]], list[tuple[Change, str]]] = {
    openai_faults: [
        (messages(), "too short - 'messages'"),
        (message(4, reasoning="Hm"), "a field that"),
        (without(2, "content"), "left out"),
        (message(4, tool_calls=[]), "messages.1.tool_calls"),
        (message(4, content=None), "got null"),
        (call(index=0), "id, type and function"),
        (call(id="x" * 41), "maximum length 40"),
        (function("functions.clock"), "function.name': string does not match"),
        (function("x" * 65), "function.name': string does not match"),
        (function(arguments="[]"), "no object"),
        (messages(1, 3), "must be a response to a preceding"),
        (messages(1, 2, 3, 3, 4, 5), "must be a response to a preceding"),
        (messages(1, 2, 4, 5), "followed by tool messages"),
        (messages(1, 2), "followed by tool messages"),
        (lambda payload: payload.update(tools=[]), "too short - 'tools'"),
        (lambda payload: payload.pop("tools"), "only allowed when 'tools'"),
        (lambda payload: payload.pop("tools"), "a tool was called that is not defined"),
        (tool(name="a b"), "tools[0].function.name"),
        (tool(parameters={"type": "object"}), "missing properties"),
        (lambda payload: payload["tools"].append(payload["tools"][0]), "two tools of one name"),
    ],
    mistral_faults: [
        (messages(1, 2, 3, 5), "Unexpected role 'user' after role 'tool'"),
        (messages(1, 4), "Expected last role"),
        (messages(4), "must start with a user message"),
        (messages(1, 2, 4, 5), "Not the same number"),
        (messages(1, 2), "Not the same number"),
        (message(4, content=""), "either content or tool_calls"),
        (call(id="call_1"), "length of 9"),
        (message(3, tool_call_id="call_1"), "length of 9"),
        (messages(1, 5), "must alternate"),
        (messages(1, 4, 4, 5), "must alternate"),
        (messages(1, 4, 0, 5), "at the beginning"),
    ],
    gemini_faults: [
        (messages(1, 4, 2, 3, 5), "immediately after a user turn"),
        (message(1, content=""), "must not be empty"),
        (function("1st"), "Invalid function name"),
        (tool(name="-x"), "Invalid function name"),
        (tool(parameters={"type": "object", "properties": {}}), "non-empty for OBJECT"),
    ],
}
BLOCKS_BROKEN: dict[Callable[[Any], list[str]], list[tuple[Change, str]]] = {
    anthropic_faults: [
        (messages(1, 2), "must use the user role"),
        (messages(0, 3), "prefill"),
        (lambda payload: payload["messages"].append(payload["messages"][-1]), "must alternate"),
        (message(2, content=[]), "non-empty content"),
        (message(2, content=[{"type": "text", "text": " "}]), "non-whitespace"),
        (lambda payload: payload.update(system="\n"), "non-whitespace"),
        (messages(0, 1, 4), "without `tool_result`"),
        (messages(0, 3, 2), "unexpected `tool_use_id`"),
        (lambda payload: payload["messages"][2]["content"].append(payload["messages"][2]["content"][0]), "single"),
        (lambda payload: payload["messages"][2]["content"].insert(0, {"type": "text", "text": "x"}), "come first"),
        (messages(0, 1, 2, 1, 2), "must be unique"),
        (lambda payload: payload.update(tools=[], tool_choice={"type": "none"}), "while providing tools"),
        (lambda payload: payload["tools"].append(payload["tools"][0]), "names must be unique"),
        (lambda payload: payload["tools"][0].update(input_schema={}), "Field required"),
        (lambda payload: payload["messages"][1]["content"][0].update(id="a:1"), "tool_use.id"),
        (lambda payload: payload["messages"][1]["content"][0].update(name="a b"), "tool_use.name"),
        (lambda payload: payload["messages"][1]["content"][0].update(input=[]), "tool_use.input"),
        (lambda payload: payload.pop("tools"), "must define tools"),
    ],
    bedrock_faults: [
        (message(3, content=[{"type": "text", "text": ""}]), "blank"),
        (lambda payload: payload["messages"][2]["content"][0].update(content=" "), "blank"),
        (lambda payload: payload["messages"][1]["content"][0].update(id="a b"), "toolUseId"),
        (lambda payload: payload.pop("tools"), "toolConfig"),
        (messages(3, 4), "start with a user message"),
    ],
}


@pytest.mark.parametrize("faults", BROKEN, ids=lambda faults: faults.__name__)
def test_a_good_payload_breaks_no_rule_and_each_rule_is_broken_by_a_bad_one(faults) -> None:
    assert faults(GOOD) == []
    for change, rule in BROKEN[faults]:
        payload = copy.deepcopy(GOOD)
        change(payload)
        assert any(rule in fault for fault in faults(payload)), (rule, faults(payload))


@pytest.mark.parametrize("faults", BLOCKS_BROKEN, ids=lambda faults: faults.__name__)
def test_so_it_is_with_payloads_made_of_blocks(faults) -> None:
    assert faults(converted(GOOD)) == []
    for change, rule in BLOCKS_BROKEN[faults]:
        payload = copy.deepcopy(converted(GOOD))
        change(payload)
        assert any(rule in fault for fault in faults(payload)), (rule, faults(payload))
