"""What a model's stream consists of: deltas and tool calls, which are events already, and its end."""

from dataclasses import dataclass

from app.engine.events import ReasoningDelta, ReasoningIdentified, TextDelta, ToolCalled
from app.engine.messages import FinishReason, Mark, Usage


@dataclass(frozen=True, slots=True)
class ModelFinished:
    """The last chunk of a complete stream; `usage` is that of this one round, and `mark` of the answer so far: only a
    model that follows rules knows that it does not know."""

    finish_reason: FinishReason
    usage: Usage
    mark: Mark | None = None


Chunk = TextDelta | ReasoningDelta | ReasoningIdentified | ToolCalled | ModelFinished
