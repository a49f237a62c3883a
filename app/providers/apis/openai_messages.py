"""A prompt as servers with OpenAI's chat-completions API take it: the fields of a request that hold the conversation.

Source: OpenAI's API reference, "Chat". `content` beside calls is null where there is no text: some servers refuse ""
(Anthropic and Bedrock behind a gateway: NousResearch/hermes-agent#31583, vercel/ai#13466), others its absence (vLLM,
SGLang, LiteLLM: jekalmin/extended_openai_conversation#456, MoonshotAI/kimi-code#3017).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from app.engine.agent import AnswerOptions, ToolSpec
from app.engine.messages import ImagePart, Message, Part, ReasoningPart, TextPart, ToolCallPart
from app.engine.prompt import Prompt
from app.providers.apis.dialogue import dialogue_of, result_text, rounds_of, system_of, tools_of
from app.providers.apis.openai_metadata import call_with, fill_in, thought_fields


def conversation_fields(prompt: Prompt, *, images: bool = False) -> dict[str, Any]:
    """`messages`, and `tools` where there are any or some have been called, with what is said of their calls.

    Where the prompt has none, none may be called."""
    dialogue, system = dialogue_of(prompt, images=images), system_of(prompt)
    messages = [{"role": "system", "content": system}] if system else []
    for message in dialogue:
        messages += _assistant(message.parts) if message.role == "assistant" else [_user(message)]
    fill_in(messages, dialogue)
    fields: dict[str, Any] = {"messages": messages}
    tools = tools_of(prompt, dialogue)
    if tools:
        fields["tools"] = [_tool(tool) for tool in tools]
        fields |= _calls(prompt.options) if prompt.tools else {"tool_choice": "none"}
    return fields


def _calls(options: AnswerOptions) -> dict[str, Any]:
    """Which tool is to be called, and how many at once; nothing where that is the model's to decide."""
    alone = {"parallel_tool_calls": False} if options.one_call_at_a_time else {}
    if options.tool_choice.kind != "required":
        return alone
    name = options.tool_choice.name
    return {"tool_choice": {"type": "function", "function": {"name": name}} if name else "required", **alone}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _user(message: Message) -> dict[str, Any]:
    """With a list of parts only where there are images: many servers take nothing but text."""
    if not any(isinstance(part, ImagePart) for part in message.parts):
        return {"role": "user", "content": message.text}
    return {"role": "user", "content": [*map(_content, message.parts)]}


def _content(part: Part) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        detail = {"detail": part.detail} if part.detail else {}
        return {"type": "image_url", "image_url": {"url": part.url, **detail}}
    assert isinstance(part, TextPart), "a user's message has nothing else"
    return {"type": "text", "text": part.text}


def _assistant(parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    """One message for each round, with its text, calls and metadata, and after it a message for each result."""
    calls_tools = any(isinstance(part, ToolCallPart) for part in parts)
    for said, results in rounds_of(parts):
        message = _said(said)
        if message["content"] or "tool_calls" in message:  # else thoughts alone, of a round that was cut off
            thoughts = [part for part in said if isinstance(part, ReasoningPart)]
            yield message | thought_fields(thoughts, words=calls_tools)
        for result in results:
            content = result_text(result.result)
            yield {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _said(parts: Sequence[Part]) -> dict[str, Any]:
    """The message of a round without its thoughts."""
    message: dict[str, Any] = {"role": "assistant", "content": None}
    for part in parts:
        match part:
            case TextPart(text):
                message["content"] = (message["content"] or "") + text
            case ToolCallPart(call_id, name, args, metadata):
                function = {"name": name, "arguments": orjson.dumps(dict(args)).decode()}
                call = {"id": call_id, "type": "function", "function": function}
                message.setdefault("tool_calls", []).append(call_with(metadata, call))
    return message
