"""What happens during a turn, as facts in the past tense.

A turn yields batches: sequences of these events, each holding everything that one wake-up brought. An empty
batch means that nothing came for the heartbeat interval.

Between `TurnStarted` and the one final event (`TurnFinished` or `TurnFailed`) come steps, one for each round with
the model; inside a step, text and reasoning come as parts that are started once and ended once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.errors import ChatError
from app.engine.messages import FinishReason, Message, Usage


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """`end_user` is whom the caller named when the conversation began."""

    conversation_id: str
    question_id: str
    answer_id: str
    end_user: str | None = None


@dataclass(frozen=True, slots=True)
class RoundStarted:
    pass


@dataclass(frozen=True, slots=True)
class TextStarted:
    part: int


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class TextEnded:
    part: int


@dataclass(frozen=True, slots=True)
class ReasoningStarted:
    part: int


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningEnded:
    part: int


@dataclass(frozen=True, slots=True)
class ToolCalled:
    call_id: str
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """`result` is any JSON value; where `is_error`, it is the reason in words."""

    call_id: str
    name: str
    result: Any
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class SourceFound:
    """A piece of the agent's knowledge that the answer may rest on."""

    source: str
    title: str


@dataclass(frozen=True, slots=True)
class RoundFinished:
    pass


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The answer is in the store by the time this is seen."""

    message: Message
    finish_reason: FinishReason
    usage: Usage
    conversation_id: str
    credits: int = 0


@dataclass(frozen=True, slots=True)
class TurnFailed:
    error: ChatError


Event = (
    TurnStarted
    | RoundStarted
    | TextStarted
    | TextDelta
    | TextEnded
    | ReasoningStarted
    | ReasoningDelta
    | ReasoningEnded
    | ToolCalled
    | ToolReturned
    | SourceFound
    | RoundFinished
    | TurnFinished
    | TurnFailed
)
Batch = Sequence[Event]
