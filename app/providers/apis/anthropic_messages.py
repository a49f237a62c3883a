"""A prompt as Anthropic's Messages API takes it: the fields of a request that hold the conversation.

Source: its API reference, "Messages".
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from app.engine.messages import Message, TextPart, ToolCallPart, ToolResultPart
from app.engine.prompt import Prompt
from app.providers.apis.tool_calls import accepted_id, result_text

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def conversation_fields(prompt: Prompt) -> dict[str, Any]:
    """`messages` and, where there are any, `system` and `tools`."""
    fields: dict[str, Any] = {"messages": _messages(prompt.messages)}
    system = "\n\n".join(message.text for message in prompt.messages if message.role == "system")
    if system:
        fields["system"] = system
    if prompt.tools:
        fields["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            for tool in prompt.tools
        ]
    return fields


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages as the API takes them, user and assistant in turn: neighbours of one role become one message."""
    merged: list[dict[str, Any]] = []
    for role, block in _blocks(messages):
        if not merged or merged[-1]["role"] != role:
            merged.append({"role": role, "content": []})
        merged[-1]["content"].append(block)
    return merged


def _blocks(messages: Sequence[Message]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The role and content block of each part; a tool's result is the user's."""
    for message in messages:
        if message.role == "system":
            continue
        for part in message.parts:
            match part:
                case TextPart(text) if text.strip():  # the API refuses blank text
                    yield message.role, {"type": "text", "text": text}
                case ToolCallPart(call_id, name, args):
                    tool_use_id = accepted_id(call_id, _CALL_ID)
                    yield message.role, {"type": "tool_use", "id": tool_use_id, "name": name, "input": dict(args)}
                case ToolResultPart(call_id, _, result, is_error):
                    tool_use_id = accepted_id(call_id, _CALL_ID)
                    block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": result_text(result)}
                    yield "user", block | ({"is_error": True} if is_error else {})
