"""A prompt as servers with OpenAI's chat-completions API take it: the fields of a request that hold the conversation.

Source: OpenAI's API reference, "Chat".
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson

from app.engine.messages import Message, Part, TextPart, ToolCallPart, ToolResultPart
from app.engine.prompt import Prompt
from app.providers.apis.tool_calls import accepted_id, result_text

_CALL_ID = re.compile(r".{1,40}", re.DOTALL)


def conversation_fields(prompt: Prompt) -> dict[str, Any]:
    """`messages` and, where there are tools, `tools`."""
    fields: dict[str, Any] = {"messages": list(_messages(prompt.messages))}
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
    """One message for each round, with its text and calls, and after it a message for each result."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    results: list[dict[str, Any]] = []
    for part in parts:
        if results and not isinstance(part, ToolResultPart):
            yield message
            yield from results
            message, results = {"role": "assistant", "content": ""}, []
        match part:
            case TextPart(text):
                message["content"] += text
            case ToolCallPart(call_id, name, args):
                function = {"name": name, "arguments": orjson.dumps(dict(args)).decode()}
                message.setdefault("tool_calls", []).append(
                    {"id": accepted_id(call_id, _CALL_ID), "type": "function", "function": function}
                )
            case ToolResultPart(call_id, _, result, _):
                tool_call_id = accepted_id(call_id, _CALL_ID)
                results.append({"role": "tool", "tool_call_id": tool_call_id, "content": result_text(result)})
    yield message
    yield from results
