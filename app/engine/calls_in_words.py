"""A prompt without tool calls: what tools were called for and returned is told in words, and nothing is handed back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from app.engine.messages import Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from app.engine.prompt import Prompt


def without_calls(prompt: Prompt) -> Prompt | None:
    """The prompt with earlier calls and their results told in words, and without thoughts that are handed back: for a
    server that refuses them as they are. None where there is nothing of either. Its tools are still offered."""
    if not any(_has_calls(message) or _has_thoughts(message) for message in prompt.messages):
        return None
    return replace(prompt, messages=[each for message in prompt.messages for each in _told(message)])


def _has_calls(message: Message) -> bool:
    return any(isinstance(part, ToolCallPart) for part in message.parts)


def _has_thoughts(message: Message) -> bool:
    return any(isinstance(part, ReasoningPart) and part.metadata for part in message.parts)


def _told(message: Message) -> Iterator[Message]:
    """The message; where it has calls, the assistant's own words about them, and the results as the user's."""
    if not _has_calls(message):
        yield replace(message, parts=tuple(part for part in message.parts if not isinstance(part, ReasoningPart)))
        return
    for is_result, parts in groupby(message.parts, lambda part: isinstance(part, ToolResultPart)):
        told = "\n\n".join(text for part in parts if (text := _words(part)).strip())
        yield text_message("user" if is_result else "assistant", told)


def _words(part: Part) -> str:
    match part:
        case TextPart(text):
            return text
        case ToolCallPart(_, name, args):
            return f"(Called the tool {name} with {_json(dict(args))}.)"
        case ToolResultPart(_, name, result, is_error):
            told = result if isinstance(result, str) else _json(result)
            return f"(The tool {name} {'failed' if is_error else 'returned'}: {told})"
    return ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
