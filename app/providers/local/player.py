"""A model's stream without a model: plays cues, which are chunks, pauses and failures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import gevent
from gevent.event import Event

from app.engine.chunks import Chunk


@dataclass(frozen=True, slots=True)
class Say:
    """One batch of chunks."""

    chunks: Sequence[Chunk]


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fail:
    """The end of the stream, by raising this."""

    error: Exception


Cue = Say | Pause | Fail


class Player:
    """A `Stream` of chunks that plays `cues`, which may be lazy; `heartbeat` is in seconds."""

    def __init__(self, cues: Iterable[Cue], heartbeat: float) -> None:
        self._cues = cues
        self._heartbeat = heartbeat
        self._closed = Event()

    def __iter__(self) -> Iterator[Sequence[Chunk]]:
        for cue in self._cues:
            if self._closed.is_set():
                return
            match cue:
                case Say(chunks):
                    yield chunks
                    gevent.sleep(0)  # cues without pauses must not keep the other streams waiting
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
