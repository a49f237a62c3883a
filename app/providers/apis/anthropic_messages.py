"""A prompt as Anthropic's Messages API takes it: the fields of a request that hold the conversation.

Source: its API reference, "Messages".
"""

from collections.abc import Iterator, Sequence
from typing import Any

from app.engine.messages import Message, TextPart, ToolCallPart, ToolResultPart
from app.engine.prompt import Prompt
from app.providers.apis.dialogue import dialogue_of, result_text, system_of, tools_of


def conversation_fields(prompt: Prompt) -> dict[str, Any]:
    """`messages`, `system` where there is one, and `tools` where there are any or some have been called.

    Where the prompt has none, none may be called; that goes together with thinking (its guide "Extended thinking")."""
    dialogue, system = dialogue_of(prompt), system_of(prompt)
    fields: dict[str, Any] = {"messages": _messages(dialogue)}
    if system:
        fields["system"] = system
    tools = tools_of(prompt, dialogue)
    if tools:
        fields["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in tools
        ]
        if not prompt.tools:
            fields["tool_choice"] = {"type": "none"}
    return fields


def _messages(dialogue: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages as the API takes them: results of tools are the user's."""
    merged: list[dict[str, Any]] = []
    for role, block in _blocks(dialogue):
        if not merged or merged[-1]["role"] != role:
            merged.append({"role": role, "content": []})
        merged[-1]["content"].append(block)
    return merged


def _blocks(dialogue: Sequence[Message]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The role and content block of each part."""
    for message in dialogue:
        for part in message.parts:
            match part:
                case TextPart(text):
                    yield message.role, {"type": "text", "text": text}
                case ToolCallPart(call_id, name, args):
                    yield message.role, {"type": "tool_use", "id": call_id, "name": name, "input": dict(args)}
                case ToolResultPart(call_id, _, result, is_error):
                    block = {"type": "tool_result", "tool_use_id": call_id, "content": result_text(result)}
                    yield "user", block | ({"is_error": True} if is_error else {})
