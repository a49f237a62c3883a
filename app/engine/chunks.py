"""What a model's stream consists of: deltas and tool calls, which are events already, and its end."""

from dataclasses import dataclass

from app.engine.events import ReasoningDelta, ReasoningIdentified, TextDelta, ToolCalled
from app.engine.messages import FinishReason, Usage


@dataclass(frozen=True, slots=True)
class ModelFinished:
    """The last chunk of a complete stream; `usage` is that of this one round."""

    finish_reason: FinishReason
    usage: Usage


Chunk = TextDelta | ReasoningDelta | ReasoningIdentified | ToolCalled | ModelFinished
