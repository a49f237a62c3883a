"""A prompt as servers with OpenAI's chat-completions API take it: the fields of a request that hold the conversation.

Source: OpenAI's API reference, "Chat".
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson

from app.engine.messages import Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from app.engine.prompt import Prompt
from app.providers.apis.openai_metadata import call_with, fill_in, thought_fields
from app.providers.apis.tool_calls import accepted_id, result_text

_CALL_ID = re.compile(r".{1,40}", re.DOTALL)


def conversation_fields(prompt: Prompt) -> dict[str, Any]:
    """`messages` and, where there are tools, `tools`."""
    fields: dict[str, Any] = {"messages": list(_messages(prompt.messages))}
    fill_in(fields["messages"])
    if prompt.tools:
        fields["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in prompt.tools
        ]
    return fields


def _messages(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """The messages as the API takes them.

    Neighbouring questions, as an answer that failed leaves them, become one message: the templates of many models want
    user and assistant in turn.
    """
    for role, neighbours in groupby(messages, attrgetter("role")):
        if role == "assistant":
            for message in neighbours:
                yield from _assistant(message.parts)
        else:
            yield {"role": role, "content": "\n\n".join(message.text for message in neighbours)}


def _assistant(parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    """One message for each round, with its text, calls and metadata, and after it a message for each result."""
    calls_tools = any(isinstance(part, ToolCallPart) for part in parts)
    for said, results in _rounds(parts):
        message = _said(said)
        if message["content"] or "tool_calls" in message:  # else thoughts alone, of a round that was cut off
            thoughts = [part for part in said if isinstance(part, ReasoningPart)]
            yield message | thought_fields(thoughts, words=calls_tools)
        for result in results:
            content = result_text(result.result)
            yield {"role": "tool", "tool_call_id": accepted_id(result.call_id, _CALL_ID), "content": content}


def _rounds(parts: Sequence[Part]) -> Iterator[tuple[list[Part], list[ToolResultPart]]]:
    """What was said in each round, and its results."""
    said: list[Part] = []
    results: list[ToolResultPart] = []
    for part in parts:
        if results and not isinstance(part, ToolResultPart):
            yield said, results
            said, results = [], []
        if isinstance(part, ToolResultPart):
            results.append(part)
        else:
            said.append(part)
    yield said, results


def _said(parts: Sequence[Part]) -> dict[str, Any]:
    """The message of a round without its thoughts."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    for part in parts:
        match part:
            case TextPart(text):
                message["content"] += text
            case ToolCallPart(call_id, name, args, metadata):
                function = {"name": name, "arguments": orjson.dumps(dict(args)).decode()}
                call = {"id": accepted_id(call_id, _CALL_ID), "type": "function", "function": function}
                message.setdefault("tool_calls", []).append(call_with(metadata, call))
    return message
