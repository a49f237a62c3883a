"""What makes an answer: a free talk with the model (rounds.py), or a plan such as a workflow. A turn runs either."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from app.engine.errors import ChatError
from app.engine.events import Batch, Event
from app.engine.messages import FinishReason, Message, Usage
from app.engine.transcript import Transcript

if TYPE_CHECKING:
    from app.engine.engine import Engine, Question


@dataclass(frozen=True, slots=True)
class GenerationInput:
    """What an answer starts from: the messages that may be seen, oldest first, and where it is resumed, what it has
    said already."""

    conversation_id: str
    answer_id: str
    messages: Sequence[Message]
    resumed: Message | None = None


class Generation(Protocol):
    """Use: `open`, then iterate `run`, each batch of which belongs into `transcript`; `close` at the end.

    `opening` says that `open` waits, maybe where `cancel` cannot reach; `cancelled` is what it was cancelled with.
    """

    transcript: Transcript
    finish_reason: FinishReason
    first_token: float | None
    cancelled: ChatError | None

    @property
    def usage(self) -> Usage: ...
    @property
    def model(self) -> str | None: ...
    @property
    def opening(self) -> bool: ...
    @property
    def asked(self) -> str:
        """The text of the question."""
        ...

    def open(self, opening: GenerationInput) -> None:
        """Raises ChatError: nothing has been said by then."""
        ...

    def run(self) -> Iterator[Batch]:
        """Batches of events. Raises ChatError; what has been said by then is in the transcript."""
        ...

    def end_parts(self) -> Sequence[Event]:
        """The end of the part that is open, if one is."""
        ...

    def cancel(self, error: ChatError) -> None:
        """End what runs, from any greenlet: `run` raises the error."""
        ...

    def close(self) -> None:
        """Release everything, once or more."""
        ...


class Plan(Protocol):
    """How an answer is made, where it is more than a talk with the model."""

    def answering(self, engine: "Engine", question: "Question") -> Generation: ...
