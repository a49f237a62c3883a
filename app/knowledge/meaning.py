"""A model that says what texts mean, as the worker asks it: for the vectors of questions."""

import logging
from collections.abc import Mapping
from time import monotonic
from typing import Any

import gevent

from app.engine.errors import ModelError
from app.knowledge.building.embedding import model_key
from app.knowledge.vectors import normalised
from app.providers.apis.openai_embeddings import OpenAIEmbeddings
from app.providers.circuit_breaker import CircuitBreaker

log = logging.getLogger(__name__)

SECONDS = 2.0  # for the vector of a question; without one it is answered by its words
MOST_REMEMBERED = 1000  # questions
_FAILURES, _PAUSE_SECONDS = 2, 30.0  # in a row, after which the model is not asked for so long


class Meaning:
    """The embedding model `name` with these options. Used from greenlets only."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name, self.options, self.key = name, options, model_key(options)
        self._model = OpenAIEmbeddings(options)
        self._circuit = CircuitBreaker(name, _FAILURES, _PAUSE_SECONDS)
        self._remembered: dict[str, Any] = {}  # the oldest first

    def of_question(self, question: str) -> Any | None:
        """Its normalised vector; None where the model does not give it in SECONDS, or has just failed to."""
        if question in self._remembered:
            return self._remembered[question]
        caller = object()
        if not self._circuit.allows(caller):
            return None
        timeout, until = gevent.Timeout(SECONDS), monotonic() + SECONDS
        try:
            with timeout:
                (vector,) = self._model.embed([question])
        except (ModelError, gevent.Timeout) as error:
            if isinstance(error, gevent.Timeout) and error is not timeout:
                self._circuit.abandoned(caller)
                raise
            self._circuit.failed()
            late = monotonic() >= until  # which the transport may have taken for a timeout of its own
            reason = error.reason if isinstance(error, ModelError) and not late else f"no answer within {SECONDS:g} s"
            log.warning("a question is answered by its words alone: %s", reason, extra={"model": self.name})
            return None
        except BaseException:  # the caller has gone
            self._circuit.abandoned(caller)
            raise
        self._circuit.succeeded()
        while len(self._remembered) >= MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return self._remembered.setdefault(question, normalised(vector))

    def forget(self) -> None:
        """Ask for each question anew: the model may be another one now."""
        self._remembered.clear()

    def close(self) -> None:
        """Close its connections."""
        self._model.close()
