"""Who listens to a turn beside the caller who asked: each gets its batches, and takes them when it can."""

from collections.abc import Callable

from app.engine.errors import ChatError, Problem
from app.engine.events import Batch, Event, TurnFailed, TurnFinished

MOST_LISTENERS = 20  # to one turn
MOST_EVENTS = 20_000  # that a listener has not taken; one with more is too slow


class Listener:
    """Has the events of a turn from its joining on, in their order. `news` is called where there are more; it must not
    wait. `is_slow`: it has been left behind, and hears nothing any more."""

    def __init__(self, news: Callable[[], None]) -> None:
        self.is_slow = False
        self._news = news
        self._events: list[Event] = []

    def hear(self, batch: Batch) -> None:
        if len(self._events) + len(batch) > MOST_EVENTS:
            self.is_slow = True
            self._events = []
        if not self.is_slow:
            self._events += batch
        self._news()

    def take(self) -> Batch:
        """What has come since the last time; empty where nothing has."""
        events, self._events = self._events, []
        return events


class DistantListener(Listener):
    """Stands for those who listen to the turn at another worker, which has its events another way. `news` is called
    when it has ended."""

    def hear(self, batch: Batch) -> None:
        if isinstance(batch[-1], TurnFinished | TurnFailed):
            self._news()


class Audience:
    """The listeners to one turn. `changed` is called when one has joined or left."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.changed: Callable[[], None] = lambda: None

    def join(self, listener: Listener) -> None:
        """Raises ChatError(LIMITED) where there are MOST_LISTENERS."""
        if len(self.listeners) >= MOST_LISTENERS:
            raise ChatError(Problem.LIMITED, "This answer has as many listeners as it may have")
        self.listeners.append(listener)
        self.changed()

    def leave(self, listener: Listener) -> None:
        """May be called more than once."""
        if listener in self.listeners:
            self.listeners.remove(listener)
            self.changed()

    def hear(self, batch: Batch) -> None:
        if batch:
            for listener in self.listeners:
                listener.hear(batch)
