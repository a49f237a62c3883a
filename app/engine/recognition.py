"""Answers that a caller brings along, recognized as those that are stored: these have what their models want back."""

from collections.abc import Sequence
from typing import Any

from app.engine.messages import Message, ToolCallPart, ToolResultPart


def recognized(brought: Sequence[Message], stored: Sequence[Message]) -> list[Message]:
    """The messages that the caller brings, with the stored answer in the place of each answer with tool calls that
    says, calls and returns the same. Others stay as they are brought: it is the caller's history."""
    answers = {key: message for message in stored if (key := _calls(message))}
    known = [(message, answers.get(_calls(message))) for message in brought]
    return [answer if answer and _said(answer) == _said(message) else message for message, answer in known]


def _calls(message: Message) -> frozenset[str]:
    """The ids of its calls, by which an answer is found; none but for an answer."""
    parts = message.parts if message.role == "assistant" else ()
    return frozenset(part.call_id for part in parts if isinstance(part, ToolCallPart))


def _said(message: Message) -> tuple[Any, ...]:
    """What callers are shown of it, in whichever order a page keeps its calls and results."""
    calls = {part.call_id: (part.name, dict(part.args)) for part in message.parts if isinstance(part, ToolCallPart)}
    results = {part.call_id: (part.result, part.is_error) for part in message.parts if isinstance(part, ToolResultPart)}
    return message.text, calls, results
