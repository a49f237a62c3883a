"""An agent's models as a turn uses them, and a model that plays batches."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gevent
import pytest

from app.engine.chunks import ModelFinished
from app.engine.errors import FailureKind, ModelError, Problem
from app.engine.events import TextDelta
from app.engine.messages import Usage
from app.engine.needs import Need
from app.engine.ports import ModelStream
from app.engine.prompt import Prompt
from app.providers.circuit_breaker import CircuitBreaker
from app.providers.fallback import Candidate, Fallback
from app.testing.provider_apis import make_prompt

FINISHED = ModelFinished("stop", Usage(3, 2))
SPEAKS = [[TextDelta("x")], [FINISHED]]
FAILED = ModelError(Problem.UPSTREAM_FAILED)
WRONG = ModelError(Problem.UPSTREAM_FAILED, kind=FailureKind.REFUSED)


class Stub:
    """Implements `Model` and its `Stream`. Plays one list of batches for each opening; an exception in the place of a
    list refuses, one in it breaks off; a number is seconds of silence. `before` is called when it opens."""

    def __init__(self, *rounds: Any, before: Callable[[], object] = lambda: None) -> None:
        self.rounds = list(rounds)
        self.before = before
        self.opened: list[float] = []
        self.prompts: list[Prompt] = []
        self.closed = 0

    takes: frozenset[Need] = frozenset()

    def open(self, prompt: Prompt, heartbeat: float) -> "StubStream":
        self.opened.append(time.monotonic())
        self.prompts.append(prompt)
        self.before()
        played = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        if isinstance(played, Exception):
            raise played
        return StubStream(self, played)


class StubStream:
    def __init__(self, model: Stub, batches: Sequence[Any]) -> None:
        self.model, self._batches = model, batches

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for batch in self._batches:
            if isinstance(batch, Exception):
                raise batch
            if isinstance(batch, float):
                gevent.sleep(batch)
            else:
                yield batch

    def close(self) -> None:
        self.model.closed += 1


def fallback(*models: Any, retry: float = 0.0, failures: int = 1000, seconds: float = 60) -> Fallback:
    named = [Candidate(model, CircuitBreaker(f"m{n}", failures, seconds)) for n, model in enumerate(models, 1)]
    return Fallback(named, retry)


def opened(
    agent_model: Fallback, heartbeat: float = 5, model: str | None = None, prompt: Prompt | None = None
) -> ModelStream:
    """An answer that has begun; as a turn opens it."""
    stream = agent_model.ask(prompt or make_prompt(), heartbeat, model)
    for _ in stream.connect():
        pass
    return stream


def heard(
    agent_model: Fallback, heartbeat: float = 5, model: str | None = None, prompt: Prompt | None = None
) -> tuple[str, list[Any]]:
    """The name of the model that answered, and what it said; as a turn hears it."""
    stream = opened(agent_model, heartbeat, model, prompt)
    try:
        said = [chunk for batch in stream for chunk in batch]
    except ModelError as error:
        stream.ended(error)
        raise
    stream.ended(None)
    return stream.model, said


def failure(call: Callable[[], Any]) -> ModelError:
    with pytest.raises(ModelError) as raised:
        call()
    return raised.value
