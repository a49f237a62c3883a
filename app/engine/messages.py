"""Messages, made of parts, as models read them and the store keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

MOST_DEPTH = 64  # levels of nesting of a tool's arguments and results

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "content-filter", "tool-calls", "error", "other"]
Status = Literal["complete", "interrupted", "failed", "superseded"]
Mark = Literal["unanswered", "handover"]
"""What an operator wants to know of an answer: that it answers nothing, or that its question asks for a person."""


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image in a user's message. `url` is https, or a data URL in base64; nothing here fetches or decodes it.
    `detail` is how closely the model is to look, where its API has that: "low", "high" or "auto"; "" leaves it open."""

    url: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What a model's server wants back with the model's own words, such as a signature of its thoughts. Callers are
    never shown it, nor is it logged.

    `value` is opaque to all but the provider: its decoder makes it, and its payload reads it. `model` is the identity
    (`ModelStream.identity`) of the model that said it; no other one is given it. "" until the engine knows.
    """

    value: Mapping[str, Any]
    model: str = ""


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    """`text` may be "": thoughts of which only the metadata was told. Without metadata, models never see it again.
    Thoughts that are not `shown` are for the model alone."""

    text: str
    metadata: ProviderMetadata | None = None
    shown: bool = True


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    call_id: str
    name: str
    args: Mapping[str, Any]
    metadata: ProviderMetadata | None = None


@dataclass(frozen=True, slots=True)
class ToolResultPart:
    """`result` is any JSON value; where `is_error`, it is a text that says what went wrong."""

    call_id: str
    name: str
    result: Any
    is_error: bool


@dataclass(frozen=True, slots=True)
class SourcePart:
    """A document that an answer may be based on: its title, the headings above the passage that is meant, and the
    address of that passage, "" where it has none. Models never see it again."""

    source: str
    title: str
    url: str = ""

    @property
    def document(self) -> str:
        """The same for all passages of a document."""
        return self.url.partition("#")[0] or self.source

    @property
    def link(self) -> str:
        """The address, where people can follow it; "" otherwise."""
        return self.url if self.url.lower().startswith(("https://", "http://")) else ""


Part = TextPart | ImagePart | ReasoningPart | ToolCallPart | ToolResultPart | SourcePart


@dataclass(frozen=True, slots=True)
class Message:
    """One message. An assistant's message also holds its tool calls and their results, in the order they happened."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All text parts, joined; reasoning and tools are left out."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as counted by the model's server."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """An answer as it is stored when its turn has ended, however it ended. `credits` is its price; `model` is None
    where no model began to answer; `mark` is None where there is nothing to note. `goes_on` is as in `Question`."""

    message: Message
    status: Status
    finish_reason: FinishReason
    usage: Usage
    model: str | None
    credits: int = 0
    mark: Mark | None = None
    goes_on: bool = False


def is_too_deep(value: Any) -> bool:
    """Whether a JSON value has more than MOST_DEPTH levels, which not every JSON encoder on its way can write."""
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


def text_message(role: Role, text: str) -> Message:
    """A message with one text part."""
    return Message(role, (TextPart(text),))


def last_question(messages: Sequence[Message]) -> str:
    """The text of the user's last message; "" where there is none."""
    return next((message.text for message in reversed(messages) if message.role == "user"), "")
