"""A prompt as Anthropic's Messages API takes it: the fields of a request that hold the conversation.

Source: its API reference, "Messages".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.engine.agent import AnswerOptions
from app.engine.messages import ImagePart, Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from app.engine.prompt import Prompt
from app.providers.apis.anthropic_thoughts import Prefix, is_thought, thought_blocks
from app.providers.apis.dialogue import dialogue_of, result_text, rounds_of, system_of, tools_of


def conversation_fields(prompt: Prompt, *, images: bool = False, thoughts: bool = True) -> dict[str, Any]:
    """`messages`, `system` where there is one, and `tools` where there are any or some have been called, with
    `tool_choice` where that is not the model's.

    Where the prompt has none, none may be called; that goes together with thinking (its guide "Extended thinking").
    Without `thoughts`, none is handed back.
    """
    dialogue, system = dialogue_of(prompt, images=images), system_of(prompt)
    fields: dict[str, Any] = {}
    if system:
        fields["system"] = system
    tools = tools_of(prompt, dialogue)
    if tools:
        fields["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in tools
        ]
        choice = _tool_choice(prompt.options) if prompt.tools else {"type": "none"}
        fields |= {"tool_choice": choice} if choice else {}
    return {"messages": _messages(dialogue, Prefix(fields) if thoughts else None), **fields}


def _tool_choice(options: AnswerOptions) -> dict[str, Any] | None:
    alone = {"disable_parallel_tool_use": True} if options.one_call_at_a_time else {}
    if options.tool_choice.kind != "required":
        return {"type": "auto", **alone} if alone else None
    name = options.tool_choice.name
    return {**({"type": "tool", "name": name} if name else {"type": "any"}), **alone}


def _messages(dialogue: Sequence[Message], prefix: Prefix | None) -> list[dict[str, Any]]:
    """The messages as the API takes them: results of tools are the user's. Thoughts are handed back with an answer that
    called tools: nobody wants those of others, and they would take room."""
    merged: list[dict[str, Any]] = []
    for message in dialogue:
        if message.role == "user":
            _add(merged, "user", [*map(_asked, message.parts)])
            continue
        calls_tools = any(isinstance(part, ToolCallPart) for part in message.parts)
        for said, results in rounds_of(message.parts):
            thoughts = thought_blocks(said, prefix.before(merged)) if prefix and calls_tools else {}
            _add(merged, "assistant", _said(said, thoughts))
            _add(merged, "user", [_result(part) for part in results])
    return merged


def _asked(part: Part) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image", "source": _source(part.url)}
    assert isinstance(part, TextPart), "a user's message has nothing else"
    return {"type": "text", "text": part.text}


def _source(url: str) -> dict[str, str]:
    if not url.startswith("data:"):
        return {"type": "url", "url": url}
    kind, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "base64", "media_type": kind, "data": data}


def _add(merged: list[dict[str, Any]], role: str, blocks: list[dict[str, Any]]) -> None:
    if blocks and (not merged or merged[-1]["role"] != role):
        merged.append({"role": role, "content": []})
    if blocks:
        merged[-1]["content"] += blocks


def _said(said: Sequence[Part], thoughts: Mapping[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks of one round, with its thoughts by their places. A thought is never the last one: the API refuses that
    (it is one on which nothing followed)."""
    blocks: list[dict[str, Any]] = []
    for place, part in enumerate(said):
        match part:
            case ReasoningPart() if place in thoughts:
                blocks.append(thoughts[place])
            case TextPart(text):
                blocks.append({"type": "text", "text": text})
            case ToolCallPart(call_id, name, args):
                blocks.append({"type": "tool_use", "id": call_id, "name": name, "input": dict(args)})
    while blocks and is_thought(blocks[-1]):
        blocks.pop()
    return blocks


def _result(part: ToolResultPart) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": part.call_id, "content": result_text(part.result)}
    return block | ({"is_error": True} if part.is_error else {})
