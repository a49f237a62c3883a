"""The making of one answer: the protocol that a model's rounds (rounds.py) and a workflow's run implement."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.engine.errors import ChatError
from app.engine.events import Batch, Event
from app.engine.messages import FinishReason, Mark, Message, Usage
from app.engine.ports import TakesText
from app.engine.transcript import Transcript


@dataclass(frozen=True, slots=True)
class GenerationInput:
    """What an answer is made from: the messages that the model may see, oldest first, where the answer is resumed, what
    it has said so far, and of a workflow's step `Prompt.order`."""

    conversation_id: str
    answer_id: str
    messages: Sequence[Message]
    resumed: Message | None = None
    order: str = ""


class Generation(Protocol):
    """Use: `prepare`, then iterate `run`, adding each batch to `transcript`; in any case `close`.

    - `transcript`: the answer so far.
    - `finish_reason`: of the last round; meaningful once `run` has ended.
    - `first_token`: when the first output of the model arrived (seconds of the monotonic clock); None before.
    - `inter_token`: the mean time between two pieces of the model's output, in seconds, over the replies that have
      ended; None where there are none, or where several models speak.
    - `cancelled`: the error that `cancel` was called with.
    - `usage`: tokens of all rounds that have ended. `mark`: as the last of them has it.
    - `model`: the name of the model that has accepted the question, or answered last; None before.
    - `paid_models`: the names of the models that have to be paid for the answer so far, one for each that it costs.
    - `phases`: how long each phase of the first request to a model took, as `PHASE_seconds`, for the log.
    - `connecting`: whether `prepare` waits for knowledge or a model, where `cancel` may not end it.
    """

    transcript: Transcript
    finish_reason: FinishReason
    cancelled: ChatError | None

    @property
    def first_token(self) -> float | None: ...
    @property
    def inter_token(self) -> float | None: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def mark(self) -> Mark | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def paid_models(self) -> Sequence[str]: ...
    @property
    def phases(self) -> Mapping[str, float]: ...
    @property
    def connecting(self) -> bool: ...

    def prepare(self, source: GenerationInput) -> None:
        """Do what may still be refused with a status of its own. Raises ChatError; nothing has been said by then."""
        ...

    def run(self) -> Iterator[Batch]:
        """The batches of events between TurnStarted and the final event. Raises ChatError: what was said by then stays
        in the transcript."""
        ...

    def shorten(self, take: TakesText) -> None:
        """From now on text that only goes on may be taken so, instead of coming out of `run`; who takes it adds it to
        `transcript`."""
        ...

    def end_parts(self) -> Sequence[Event]:
        """The event that ends the open part, if one is open."""
        ...

    def cancel(self, error: ChatError) -> None:
        """Close what runs upstream, from any greenlet; `run` raises the error. The first of several errors counts."""
        ...

    def close(self) -> None:
        """Release everything; may be called more than once."""
        ...
