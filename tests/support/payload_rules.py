"""What model servers are known to refuse, as validators of payloads: each returns the rules that a payload breaks.

Each rule has its source: the API's reference, the server's code, or a report of what the server answers.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

Payload = Mapping[str, Any]

_FIELDS = {  # Mistral: "extra_forbidden"; Groq: "property is unsupported"
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}


def openai_faults(payload: Payload) -> list[str]:
    """OpenAI's API reference, "Chat", and the messages of its refusals."""
    return [*_openai_messages(payload), *_openai_pairs(payload["messages"]), *_openai_tools(payload)]


def _openai_messages(payload: Payload) -> Iterator[str]:
    if not payload["messages"]:
        yield "[] is too short - 'messages'"
    for message in payload["messages"]:
        if not message.keys() <= _FIELDS[message["role"]]:
            yield "a field that messages of this role do not have"
        content, calls = message.get("content"), message.get("tool_calls")
        if "content" not in message:  # jekalmin/extended_openai_conversation#456
            yield "content is left out"
        if calls == []:
            yield "[] is too short - 'messages.1.tool_calls'"
        if not isinstance(content, str) and not (content is None and calls):  # docker/docker-agent#63
            yield "Invalid value for 'content': expected a string, got null"
        for call in calls or ():
            yield from _openai_call(call)


def _openai_call(call: Payload) -> Iterator[str]:
    if call.keys() != {"id", "type", "function"} or call["type"] != "function":
        yield "a call is id, type and function"
    if not 1 <= len(call["id"]) <= 40:
        yield "'messages[1].tool_calls[0].id': string too long, maximum length 40"
    if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", call["function"]["name"]):  # mcp-use/mcp-use#90
        yield "'messages[1].tool_calls[0].function.name': string does not match pattern"
    if not isinstance(json.loads(call["function"]["arguments"]), dict):
        yield "arguments are no object"


def _openai_pairs(messages: Sequence[Payload]) -> Iterator[str]:
    open_ids: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_ids:
                yield "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
            open_ids.discard(message["tool_call_id"])
            continue
        if open_ids:
            yield "an assistant message with 'tool_calls' must be followed by tool messages responding to each"
        open_ids = {call["id"] for call in message.get("tool_calls") or ()}
    if open_ids:
        yield "an assistant message with 'tool_calls' must be followed by tool messages responding to each"


def _openai_tools(payload: Payload) -> Iterator[str]:
    tools = [tool["function"] for tool in payload.get("tools", ())]
    if payload.get("tools") == []:
        yield "[] is too short - 'tools'"
    if "tool_choice" in payload and not tools:
        yield "'tool_choice' is only allowed when 'tools' are specified"
    for tool in tools:
        if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", tool["name"]):
            yield "'tools[0].function.name': string does not match pattern"
        if tool["parameters"].get("type") != "object" or "properties" not in tool["parameters"]:
            yield "object schema missing properties"
    if len({tool["name"] for tool in tools}) < len(tools):
        yield "two tools of one name"
    called = {call["function"]["name"] for message in payload["messages"] for call in message.get("tool_calls") or ()}
    if not called <= {tool["name"] for tool in tools}:  # pydantic/pydantic-ai#1966
        yield "a tool was called that is not defined"


def mistral_faults(payload: Payload) -> list[str]:
    """mistralai/mistral-common, protocol/instruct/validator.py, which vLLM and Mistral's own API use."""
    return [*_mistral_order(payload["messages"]), *_mistral_calls(payload), *_template_turns(payload["messages"])]


_MAY_FOLLOW = {
    "system": {"user", "assistant", "system"},
    "user": {"assistant", "system", "user"},
    "assistant": {"assistant", "user", "tool"},
    "tool": {"assistant", "tool"},
}


def _mistral_order(messages: Sequence[Payload]) -> Iterator[str]:
    roles = [message["role"] for message in messages]
    for before, after in pairwise(roles):
        if after not in _MAY_FOLLOW[before]:
            yield f"Unexpected role '{after}' after role '{before}'"
    if roles[-1] not in {"user", "tool"}:
        yield "Expected last role User or Tool"
    if len(roles) == 1 and roles[0] not in {"user", "system"}:
        yield "Conversation must start with a user message or system message"


def _mistral_calls(payload: Payload) -> Iterator[str]:
    expected = 0
    for message in payload["messages"]:
        if message["role"] == "tool":
            expected -= 1
        elif message["role"] == "assistant":
            if expected:
                yield "Not the same number of function calls and responses"
            expected = len(message.get("tool_calls") or ())
            if not message.get("content") and not expected:  # All-Hands-AI/OpenHands#8685
                yield "Assistant message must have either content or tool_calls, but not none."
        ids = [call["id"] for call in message.get("tool_calls") or ()] + [message.get("tool_call_id", "a" * 9)]
        if not all(re.fullmatch("[a-zA-Z0-9]{9}", call_id) for call_id in ids):
            yield "Tool call id must be a-z, A-Z, 0-9, with a length of 9"
    if expected:
        yield "Not the same number of function calls and responses"


def _template_turns(messages: Sequence[Payload]) -> Iterator[str]:
    """What the chat templates of Mistral's, Gemma's and older Llama models check (tokenizer_config.json)."""
    spoken = [m["role"] for m in messages if m["role"] in ("user", "assistant") and not m.get("tool_calls")]
    if any(role != ("user", "assistant")[number % 2] for number, role in enumerate(spoken)):
        yield "After the optional system message, conversation roles must alternate user and assistant roles"
    if "system" in [message["role"] for message in messages][1:]:
        yield "System message must be at the beginning"


def gemini_faults(payload: Payload) -> list[str]:
    """Google's endpoint for OpenAI's API, which makes `contents` of the messages."""
    return [*_gemini_turns(payload["messages"]), *_gemini_names(payload)]


def _gemini_turns(messages: Sequence[Payload]) -> Iterator[str]:
    dialogue = [message for message in messages if message["role"] != "system"]
    for before, message in pairwise([{"role": "start"}, *dialogue]):
        if message.get("tool_calls") and before["role"] not in {"user", "tool"}:  # editor-code-assistant/eca#247
            yield "function call turn must come immediately after a user turn or after a function response turn"
        if not (message.get("content") or message.get("tool_calls")):  # coze-dev/coze-studio#46
            yield "contents.parts must not be empty"


def _gemini_names(payload: Payload) -> Iterator[str]:
    tools = [tool["function"] for tool in payload.get("tools", ())]
    calls = [call["function"] for message in payload["messages"] for call in message.get("tool_calls") or ()]
    for function in (*tools, *calls):
        if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_.-]{0,63}", function["name"]):  # google-gemini/gemini-cli#6704
            yield "Invalid function name. Must start with a letter or an underscore"
    for tool in tools:
        if not tool["parameters"].get("properties"):  # vercel/ai#3371
            yield "parameters.properties: should be non-empty for OBJECT type"
