"""Plays a list of steps as a model's stream: chunks, pauses, failures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import gevent
from gevent.event import Event

from app.engine.ports import Chunk


@dataclass(frozen=True, slots=True)
class Say:
    """Chunks that come together."""

    chunks: Sequence[Chunk]


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    error: Exception


Step = Say | Pause | Fail


class Player:
    """A `Stream` of chunks that plays `steps`, which may be lazy."""

    def __init__(self, steps: Iterable[Step], heartbeat: float) -> None:
        self._steps = steps
        self._heartbeat = heartbeat
        self._closed = Event()

    def __iter__(self) -> Iterator[Sequence[Chunk]]:
        for step in self._steps:
            if self._closed.is_set():
                return
            match step:
                case Say(chunks):
                    yield chunks
                    gevent.sleep(0)  # a script without pauses must not keep the other streams waiting
                case Pause(seconds):
                    yield from self._pause(seconds)
                case Fail(error):
                    raise error

    def close(self) -> None:
        self._closed.set()

    def _pause(self, seconds: float) -> Iterator[Sequence[Chunk]]:
        while seconds > self._heartbeat:
            if self._closed.wait(self._heartbeat):
                return
            yield ()
            seconds -= self._heartbeat
        self._closed.wait(seconds)
