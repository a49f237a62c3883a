"""An agent's models behind one door: the next is tried where one refuses, and one that failed lately is passed over."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import ceil
from time import monotonic

import gevent

from app.engine.errors import ModelError, Problem
from app.engine.ports import Chunk, Model, ModelStream, Prompt, Stream

log = logging.getLogger(__name__)

LONGEST_RETRY_SECONDS = 10


@dataclass(slots=True)
class Circuit:
    """One model's lately failures. After `failures` in a row the model is passed over for `seconds`; then one try
    decides whether for as long again."""

    name: str
    failures: int
    seconds: float
    _in_a_row: int = field(default=0, init=False)
    _open_until: float = field(default=0, init=False)

    def wait(self) -> float:
        """Seconds for which the model is passed over; 0 where it may be tried."""
        return max(self._open_until - monotonic(), 0)

    def admits(self) -> bool:
        """Whether to try the model now. After the wait one caller tries, and the others wait for what comes of it."""
        if self.wait():
            return False
        if self._in_a_row >= self.failures:
            self._open_until = monotonic() + self.seconds
        return True

    def answers(self) -> None:
        """It has begun to: others may try it too."""
        self._open_until = 0

    def succeeded(self) -> None:
        if self._in_a_row >= self.failures:
            log.warning("model answers again", extra={"model": self.name})
        self._in_a_row, self._open_until = 0, 0

    def failed(self) -> None:
        self._in_a_row += 1
        if self._in_a_row >= self.failures:
            self._open_until = monotonic() + self.seconds
            log.warning("model is passed over", extra={"model": self.name, "seconds": self.seconds})


@dataclass(frozen=True, slots=True)
class Candidate:
    model: Model
    circuit: Circuit


class Fallback:
    """Implements the engine's `AgentModel` port."""

    def __init__(self, candidates: Sequence[Candidate], retry_seconds: float) -> None:
        self._candidates = candidates
        self._retry_seconds = retry_seconds

    def open(self, prompt: Prompt, heartbeat: float) -> ModelStream:
        """The first model that starts to answer. Raises the last one's ModelError.

        While another one could be tried, the first chunk is waited for; the last one has a heartbeat's time, so that
        its caller is not left without a sign of life.
        """
        alone = len(self._candidates) == 1
        attempts = [*self._candidates] * (2 if alone else 1)
        refused: ModelError | None = None
        for position, candidate in enumerate(attempts, 1):
            again = alone and refused is not None
            if not again and not candidate.circuit.admits():
                continue
            patient = not alone and any(not later.circuit.wait() for later in attempts[position:])
            try:
                return _open(candidate, prompt, heartbeat, patient=patient)
            except ModelError as error:
                if not error.passing:
                    raise
                candidate.circuit.failed()
                refused = error
                if alone and (again or candidate.circuit.wait()):
                    break
                if alone:
                    gevent.sleep(self._pause(error))
        wait = min(candidate.circuit.wait() for candidate in self._candidates)
        raise refused or ModelError(Problem.OVERLOADED, retry_after=ceil(wait))

    def _pause(self, error: ModelError) -> float:
        """Before the same model is tried again: what it asks for, where that is not too long for a caller to wait."""
        wanted = error.retry_after if error.retry_after is not None else self._retry_seconds
        if wanted > LONGEST_RETRY_SECONDS:
            raise error
        return wanted


def _open(candidate: Candidate, prompt: Prompt, heartbeat: float, *, patient: bool) -> ModelStream:
    stream = candidate.model.open(prompt, heartbeat)
    try:
        batches = iter(stream)
        first = next(batches, ())
        while patient and not first:
            first = next(batches)
    except StopIteration:
        first = ()
    except BaseException:
        stream.close()
        raise
    if first:
        candidate.circuit.answers()
    return _Opened(candidate.circuit, stream, chain([first], batches))


class _Opened:
    """Implements the engine's `ModelStream`: the answer of the model that was chosen."""

    def __init__(self, circuit: Circuit, stream: Stream[Chunk], batches: Iterator[Sequence[Chunk]]) -> None:
        self.model = circuit.name
        self._circuit = circuit
        self._stream = stream
        self._batches = batches

    def __iter__(self) -> Iterator[Sequence[Chunk]]:
        return self._batches

    def ended(self, error: ModelError | None) -> None:
        if error is None:
            self._circuit.succeeded()
        elif error.passing:
            self._circuit.failed()

    def close(self) -> None:
        self._stream.close()
