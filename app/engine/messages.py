"""What was said: messages made of parts, as models read them and the store keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

MOST_DEPTH = 64  # of a tool's arguments and results

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "content-filter", "tool-calls", "error", "other"]
Status = Literal["complete", "interrupted", "failed", "superseded"]


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    text: str


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    call_id: str
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    call_id: str
    name: str
    result: Any
    is_error: bool


Part = TextPart | ReasoningPart | ToolCallPart | ToolResultPart


@dataclass(frozen=True, slots=True)
class Message:
    """One message. An assistant's holds its tool calls and their results too, in the order they happened."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts, joined; reasoning and tools left out."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the model counts them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What is stored of an assistant's message when its turn is over, however it ended. `credits` is what it costs."""

    message: Message
    status: Status
    finish_reason: FinishReason
    usage: Usage
    model: str | None
    credits: int = 0


def is_too_deep(value: Any) -> bool:
    """Whether a JSON value is nested deeper than can be written out again wherever it goes."""
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, Mapping | list | tuple)
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
        ]
        if not level:
            return False
    return True


def said(role: Role, text: str) -> Message:
    """A message of one text part."""
    return Message(role, (TextPart(text),))
