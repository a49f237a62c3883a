"""What waits for the caller's greenlet: the events of other steps, and the steps that it is to run itself."""

from collections import deque
from collections.abc import Iterator

from gevent.event import Event as Signal

from app.engine.events import (
    Batch,
    Event,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningIdentified,
    SourceFound,
    ToolCalled,
    ToolReturned,
)
from app.workflows.definition import Step


class Outbox:
    """Other greenlets add, the caller's waits and takes."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._steps: deque[Step] = deque()
        self._news = Signal()

    @property
    def empty(self) -> bool:
        return not (self._events or self._steps)

    def add_events(self, events: Batch) -> None:
        self._events += events
        self._news.set()

    def add_step(self, step: Step) -> None:
        self._steps.append(step)
        self._news.set()

    def wake(self) -> None:
        """End `wait` though nothing was added: the caller's greenlet is to look at something else."""
        self._news.set()

    def wait(self, seconds: float) -> bool:
        """Wait until something is there or `wake` is called; False where neither happened in that time."""
        woken = not self.empty or self._news.wait(seconds)
        self._news.clear()
        return woken

    def take_events(self) -> list[Event]:
        """All events that have been added, oldest first; they are removed."""
        events, self._events = self._events, []
        return events

    def take_step(self) -> Step | None:
        """The step that has waited longest; it is removed."""
        return self._steps.popleft() if self._steps else None


class ToldBeside:
    """What is told of one step that does not answer: its tools and sources. Of its thoughts, those before a call that
    its model wants back with the call are kept with it, and not shown."""

    def __init__(self) -> None:
        self._words: list[str] = []  # of the open reasoning
        self._thoughts: list[ReasoningIdentified] = []  # since the last call

    def of(self, batch: Batch) -> Iterator[Event]:
        """Of these events of the step."""
        for event in batch:
            match event:
                case ReasoningDelta(text):
                    self._words.append(text)
                case ReasoningEnded(_, metadata):
                    if metadata:
                        self._thoughts.append(ReasoningIdentified(metadata, "".join(self._words)))
                    self._words = []
                case ReasoningIdentified():
                    self._thoughts.append(event)
                case ToolCalled():
                    yield from self._thoughts
                    self._thoughts = []
                    yield event
                case ToolReturned() | SourceFound():
                    yield event
