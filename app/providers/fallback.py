"""An agent's models behind one door: the next is tried where one refuses, and one that failed lately is passed over."""

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import ceil
from time import monotonic

from app.engine.chunks import Chunk
from app.engine.errors import ModelError, Problem
from app.engine.ports import Model, ModelStream
from app.engine.prompt import Prompt
from app.providers.pending import PendingStream

log = logging.getLogger(__name__)

LONGEST_RETRY_SECONDS = 10


@dataclass(slots=True)
class CircuitBreaker:
    """One model's lately failures. After `failures` in a row the model is passed over for `seconds`; then one try
    decides whether for as long again."""

    name: str
    failures: int
    seconds: float
    _in_a_row: int = field(default=0, init=False)
    _open_until: float = field(default=0, init=False)
    _trying: object = field(default=None, init=False)  # who has that one try

    def wait(self) -> float:
        """Seconds for which the model is passed over; 0 where it may be tried."""
        return max(self._open_until - monotonic(), 0)

    def admits(self, caller: object) -> bool:
        """Whether to try the model now. After the wait one caller tries, and the others wait for what comes of it."""
        if self.wait():
            return False
        if self._in_a_row >= self.failures:
            self._open_until, self._trying = monotonic() + self.seconds, caller
        return True

    def answers(self) -> None:
        """It has begun to: others may try it too, though one failure more is enough to pass it over again."""
        if self._in_a_row >= self.failures:
            log.warning("model answers again", extra={"model": self.name})
            self._in_a_row = self.failures - 1
        self._open_until, self._trying = 0, None

    def left(self, caller: object) -> None:
        """The caller is gone. Where nothing came of the one try that it had, the next may have it."""
        if self._trying is caller:
            self._open_until, self._trying = 0, None

    def succeeded(self) -> None:
        self.answers()
        self._in_a_row = 0

    def failed(self) -> None:
        self._in_a_row += 1
        self._trying = None
        if self._in_a_row >= self.failures:
            self._open_until = monotonic() + self.seconds
            log.warning("model is passed over", extra={"model": self.name, "seconds": self.seconds})


@dataclass(frozen=True, slots=True)
class Candidate:
    model: Model
    circuit: CircuitBreaker


class Fallback:
    """Implements the engine's `AgentModel` port."""

    def __init__(self, candidates: Sequence[Candidate], retry_seconds: float) -> None:
        self._candidates = candidates
        self._retry_seconds = retry_seconds

    def ask(self, prompt: Prompt, heartbeat: float, model: str | None = None) -> ModelStream:
        same = next((each for each in self._candidates if each.circuit.name == model), None)
        if same:
            return _Answer(prompt, heartbeat, lambda answer: answer.begin(same))
        return _Answer(prompt, heartbeat, self._choose)

    def _choose(self, answer: "_Answer") -> "_Beginning":
        """The first that starts to answer. Where none does, the last that was tried is tried once more.

        While another one could be tried, the first chunk is waited for; the last one has a heartbeat's time, so that
        its caller is not left without a sign of life.
        """
        refused: ModelError | None = None
        for position, candidate in enumerate(self._candidates, 1):
            if candidate.circuit.admits(answer):
                patient = any(not later.circuit.wait() for later in self._candidates[position:])
                refused, last = (yield from answer.begin(candidate, patient=patient)), candidate
                if refused is None:
                    return None
        if refused is None:
            wait = min(candidate.circuit.wait() for candidate in self._candidates)
            return ModelError(Problem.OVERLOADED, retry_after=ceil(wait))
        pause = self._retry_seconds if refused.retry_after is None else refused.retry_after
        if last.circuit.wait() or pause > LONGEST_RETRY_SECONDS:
            return refused
        return (yield from answer.begin(last, pause=pause))


# Empty batches while nothing is said. The value: what refused in a way that may pass, or None where an answer begins.
_Beginning = Generator[tuple[()], None, ModelError | None]


class _Answer:
    """Implements the engine's `ModelStream`: `choose` begins it with one model or another."""

    def __init__(self, prompt: Prompt, heartbeat: float, choose: Callable[["_Answer"], _Beginning]) -> None:
        self.model = ""
        self._prompt, self._heartbeat, self._choose = prompt, heartbeat, choose
        self._circuit: CircuitBreaker | None = None
        self._opener: PendingStream | None = None
        self._batches: Iterator[Sequence[Chunk]] = iter(())
        self._closed = False

    def connect(self) -> Iterator[tuple[()]]:
        try:
            refused = yield from self._choose(self)
            if refused:
                raise refused
        except BaseException:
            self.close()
            raise

    def begin(self, candidate: Candidate, *, pause: float = 0, patient: bool = False) -> _Beginning:
        """Ask this one, after the pause. One who is patient waits for the first chunk. Raises ModelError where no other
        try would end better."""
        if self._closed:
            return None
        self.model, self._circuit = candidate.circuit.name, candidate.circuit
        self._opener = PendingStream(candidate.model, self._prompt, self._heartbeat, pause)
        try:
            yield from self._opener
            batches = iter(self._opener.stream or ())
            first = next(batches, None)
            while patient and first is not None and not first:
                yield ()
                first = next(batches, None)
        except ModelError as error:
            self._opener.close()
            self.ended(error)
            if not error.passing:
                raise
            return error
        if first:
            self._circuit.answers()
        self._batches = batches if first is None else chain([first], batches)
        return None

    def __iter__(self) -> Iterator[Sequence[Chunk]]:
        return self._batches

    def ended(self, error: ModelError | None) -> None:
        """A refusal that no other try would better is an answer too: the model lives."""
        assert self._circuit
        if error and error.passing:
            self._circuit.failed()
        else:
            self._circuit.succeeded()

    def close(self) -> None:
        self._closed = True
        if self._opener and self._circuit:
            self._opener.close()
            self._circuit.left(self)
