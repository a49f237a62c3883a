"""An agent's models as a turn uses them."""

from collections.abc import Callable
from typing import Any

import pytest

from app.engine.errors import ModelError
from app.engine.ports import ModelStream
from app.providers.fallback import Candidate, CircuitBreaker, Fallback
from app.testing.provider_streams import asking


def fallback(*models: Any, retry: float = 0.0, failures: int = 1000, seconds: float = 60) -> Fallback:
    named = [Candidate(model, CircuitBreaker(f"m{n}", failures, seconds)) for n, model in enumerate(models, 1)]
    return Fallback(named, retry)


def opened(agent_model: Fallback, heartbeat: float = 5, model: str | None = None) -> ModelStream:
    """An answer that has begun; as a turn opens it."""
    stream = agent_model.ask(asking(), heartbeat, model)
    for _ in stream.connect():
        pass
    return stream


def heard(agent_model: Fallback, heartbeat: float = 5, model: str | None = None) -> tuple[str, list[Any]]:
    """The name of the model that answered, and what it said; as a turn hears it."""
    stream = opened(agent_model, heartbeat, model)
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
