"""What happens during a turn, as facts in the past tense.

A turn yields batches: sequences of all events that one wake-up brought. An empty batch means that no event came for
the heartbeat interval.

Between `TurnStarted` and the one final event (`TurnFinished` or `TurnFailed`) come rounds, one for each request to the
model; within a round, text and reasoning come as parts, each of which starts once and ends once. Parts are numbered
from 1 within the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.errors import ChatError
from app.engine.messages import FinishReason, Message, ProviderMetadata, Usage


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The first event. `end_user` is stored with the conversation: whom the caller named when it was created.

    `created_at` is stored with the answer, in epoch milliseconds. `model` is the one that has accepted the question,
    None where that is not known yet, as with a workflow.
    """

    conversation_id: str
    question_id: str
    answer_id: str
    end_user: str | None = None
    created_at: int = 0
    model: str | None = None


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
    metadata: ProviderMetadata | None = None


@dataclass(frozen=True, slots=True)
class ReasoningIdentified:
    """Metadata of reasoning. A model says it of the reasoning that is open, which ends with it. Where none is open, and
    always as an event, it is that of thoughts which no caller is shown: without a `text`, or of a workflow's step."""

    metadata: ProviderMetadata
    text: str = ""


@dataclass(frozen=True, slots=True)
class ToolCalled:
    call_id: str
    name: str
    args: Mapping[str, Any]
    metadata: ProviderMetadata | None = None


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """`result` is any JSON value; where `is_error`, it is a text that says what went wrong."""

    call_id: str
    name: str
    result: Any
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class SourceFound:
    """A passage of the agent's knowledge that the answer may be based on: the title of its document, the headings above
    it, and its address. Several may be of one document; of these the first is stored."""

    source: str
    title: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class RoundFinished:
    pass


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The answer has been committed before this event is yielded. `message`, `usage` and `credits` are of the whole
    answer, also where it was resumed. `model` is the one that gave it, None where none did."""

    message: Message
    finish_reason: FinishReason
    usage: Usage
    conversation_id: str
    credits: int = 0
    model: str | None = None


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """What was said before is stored, as failed or interrupted."""

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
    | ReasoningIdentified
    | ToolCalled
    | ToolReturned
    | SourceFound
    | RoundFinished
    | TurnFinished
    | TurnFailed
)
Batch = Sequence[Event]
