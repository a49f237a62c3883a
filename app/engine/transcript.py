"""Folds a turn's events back into the message that is stored."""

from collections.abc import Iterable

from app.engine.events import (
    Batch,
    ReasoningDelta,
    ReasoningEnded,
    TextDelta,
    TextEnded,
    ToolCalled,
    ToolReturned,
)
from app.engine.messages import Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart


class Transcript:
    """The assistant's message so far, including what has been said of an open part. `parts` are a resumed answer's."""

    def __init__(self, parts: Iterable[Part] = ()) -> None:
        self._parts: list[Part] = list(parts)
        self._text: list[str] = []
        self._reasoning: list[str] = []

    def add(self, batch: Batch) -> None:
        """Add what the events say; those of other kinds change nothing."""
        for event in batch:
            if type(event) is TextDelta:  # almost every event
                self._text.append(event.text)
                continue
            match event:
                case ReasoningDelta(text):
                    self._reasoning.append(text)
                case TextEnded() | ReasoningEnded():
                    self._parts += self._open_parts()
                    self._text, self._reasoning = [], []
                case ToolCalled(call_id, name, args):
                    self._parts.append(ToolCallPart(call_id, name, args))
                case ToolReturned(call_id, name, result, is_error):
                    self._parts.append(ToolResultPart(call_id, name, result, is_error))

    def message(self) -> Message:
        """The message as it is now."""
        return Message("assistant", (*self._parts, *self._open_parts()))

    def _open_parts(self) -> list[Part]:
        parts: list[Part] = []
        if self._reasoning:
            parts.append(ReasoningPart("".join(self._reasoning)))
        if self._text:
            parts.append(TextPart("".join(self._text)))
        return parts
