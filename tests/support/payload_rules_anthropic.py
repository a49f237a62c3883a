"""What Anthropic's Messages API and Bedrock's Converse API refuse, as payload_rules.py has it of other servers."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

Payload = Mapping[str, Any]


def anthropic_faults(payload: Payload) -> list[str]:
    """Anthropic's API reference, "Messages", its guide "Tool use", and the messages of its refusals."""
    return [*_anthropic_messages(payload), *_anthropic_pairs(payload["messages"]), *_anthropic_tools(payload)]


def _blocks(payload: Payload) -> Iterator[Payload]:
    for message in payload["messages"]:
        yield from message["content"]


def _anthropic_messages(payload: Payload) -> Iterator[str]:
    roles = [message["role"] for message in payload["messages"]]
    if roles[:1] != ["user"]:
        yield "first message must use the user role"
    if roles[-1:] == ["assistant"]:  # smallmain/vscode-unify-chat-provider#249
        yield "This model does not support assistant message prefill"
    if any(before == after for before, after in pairwise(roles)):
        yield "roles must alternate between user and assistant"
    if not all(message["content"] for message in payload["messages"]):
        yield "all messages must have non-empty content"
    texts = [block["text"] for block in _blocks(payload) if block["type"] == "text"]
    if not all(text.strip() for text in [*texts, payload.get("system", "x")]):
        yield "text content blocks must contain non-whitespace text"


def _anthropic_pairs(messages: Sequence[Payload]) -> Iterator[str]:
    called: Counter[str] = Counter()
    for before, message in pairwise([{"content": []}, *messages, {"content": []}]):
        uses = [block["id"] for block in before["content"] if block["type"] == "tool_use"]
        kinds = [block["type"] for block in message["content"]]
        results = [block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"]
        called.update(uses)
        if set(uses) - set(results):
            yield "`tool_use` ids were found without `tool_result` blocks immediately after"
        if set(results) - set(uses):
            yield "unexpected `tool_use_id` found in `tool_result` blocks"
        if len(set(results)) < len(results):
            yield "each tool_use must have a single result"
        if "tool_result" in kinds[len(results) :]:
            yield "tool_result blocks must come first in the content"
    if any(count > 1 for count in called.values()):
        yield "`tool_use` ids must be unique"


def _anthropic_tools(payload: Payload) -> Iterator[str]:
    names = [tool["name"] for tool in payload.get("tools", ())]
    uses = [block for block in _blocks(payload) if block["type"] == "tool_use"]
    if "tool_choice" in payload and not names:
        yield "tool_choice may only be specified while providing tools"
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique"
    if any(tool["input_schema"].get("type") != "object" for tool in payload.get("tools", ())):
        yield "tools.0.custom.input_schema.type: Field required"
    for use in uses:
        if not re.fullmatch("[a-zA-Z0-9_-]+", use["id"]):
            yield "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
        if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", use["name"]):
            yield "tool_use.name: String should match pattern"
        if not isinstance(use["input"], dict):
            yield "tool_use.input: Input should be a valid dictionary"
    if {use["name"] for use in uses} - set(names):
        yield "Requests which include `tool_use` or `tool_result` blocks must define tools"


def bedrock_faults(payload: Payload) -> list[str]:
    """Bedrock's Converse API, whose messages are built as Anthropic's ("ContentBlock", "ToolUseBlock")."""
    faults = []
    for block in _blocks(payload):
        text = block.get("text") if block["type"] == "text" else block.get("content", "x")
        if not str(text).strip():  # NousResearch/hermes-agent#55092, #63983
            faults.append("The text field in the ContentBlock object is blank")
        if not re.fullmatch("[a-zA-Z0-9_.:-]{1,64}", block.get("id", block.get("tool_use_id", "x"))):
            faults.append("toolUseId: Member must satisfy regular expression pattern")
        if block["type"] in ("tool_use", "tool_result") and not payload.get("tools"):  # pydantic/pydantic-ai#1966
            faults.append("The toolConfig field must be defined when using toolUse and toolResult content blocks")
    if payload["messages"][0]["role"] != "user":
        faults.append("A conversation must start with a user message")
    return faults


def converted(payload: Payload) -> dict[str, Any]:
    """A payload for OpenAI's API as gateways make Anthropic's and Bedrock's of it (such as LiteLLM, in
    litellm_core_utils/prompt_templates/factory.py): neighbours of one role are one message, null is left out, and "" is
    text."""
    messages: list[dict[str, Any]] = []
    made: dict[str, Any] = {"messages": messages}
    for message in payload["messages"]:
        role, blocks = "user" if message["role"] == "tool" else message["role"], []
        if message["role"] == "system":
            made["system"] = message["content"]
            continue
        if message["role"] == "tool":
            block = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": message["content"]}
            blocks.append(block)
        elif message["content"] is not None:
            blocks.append({"type": "text", "text": message["content"]})
        for call in message.get("tool_calls") or ():
            function = {"name": call["function"]["name"], "input": json.loads(call["function"]["arguments"])}
            blocks.append({"type": "tool_use", "id": call["id"], **function})
        if not messages or messages[-1]["role"] != role:
            messages.append({"role": role, "content": []})
        messages[-1]["content"] += blocks
    if "tools" in payload:
        functions = [tool["function"] for tool in payload["tools"]]
        made["tools"] = [{"name": each["name"], "input_schema": each["parameters"]} for each in functions]
    return made
