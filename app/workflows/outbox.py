"""What waits for a caller's own greenlet while that listens to something else."""

from collections import deque

from gevent.event import Event as Signal

from app.engine.events import Batch, Event
from app.workflows.definition import Step


class PendingEvents:
    """What steps beside the one that answers tell, and the steps that are to answer next."""

    def __init__(self) -> None:
        self._told: list[Event] = []
        self._steps: deque[Step] = deque()
        self._news = Signal()

    @property
    def empty(self) -> bool:
        return not (self._told or self._steps)

    def tell(self, batch: Batch) -> None:
        self._told += batch
        self._news.set()

    def hand_over(self, step: Step) -> None:
        self._steps.append(step)
        self._news.set()

    def wake(self) -> None:
        """End the waiting though there is nothing: something else has happened."""
        self._news.set()

    def wait(self, seconds: float) -> bool:
        """Whether there was news in that time."""
        heard = not self.empty or self._news.wait(seconds)
        self._news.clear()
        return heard

    def take(self) -> list[Event]:
        """All that is to be told."""
        told, self._told = self._told, []
        return told

    def take_step(self) -> Step | None:
        return self._steps.popleft() if self._steps else None
