"""Asks an embedding model for the vectors of many texts: as many at once as it takes, again where it fails for a while,
and for the beginning of a text that is too long for it."""

import time
from collections.abc import Callable, Sequence

from app.engine.errors import FailureKind, ModelError, Problem
from app.providers.apis.openai_embeddings import OpenAIEmbeddings, Vector

MOST_TEXTS = 32  # in one request, which all servers take but a few
MOST_BYTES = 64_000  # of UTF-8 in one request
TRIES = 5  # of one request
PAUSES = (1, 2, 4, 8)  # seconds between them, where the server does not say
LONGEST_PAUSE = 60
LEAST_CHARACTERS = 100  # to which a text is cut before it is given up

_TOO_MUCH = (FailureKind.TOO_LONG, FailureKind.REFUSED)


class Asking:
    """`alive` is called before each request and each second of a pause; what it raises ends the asking."""

    def __init__(self, model: OpenAIEmbeddings, alive: Callable[[], object]) -> None:
        self._model, self._alive = model, alive
        self._most = MOST_TEXTS
        self._taken = ""  # a text that the server has taken
        self._too_long = 0  # texts, as they were or cut

    def batch(self, texts: Sequence[str], start: int) -> Sequence[str]:
        """Texts from this place on, at least one, as many as the server has taken at once so far."""
        size = 0
        for end in range(start, min(start + self._most, len(texts))):
            size += len(texts[end].encode())
            if size > MOST_BYTES and end > start:
                return texts[start:end]
        return texts[start : start + self._most]

    def vectors(self, texts: Sequence[str]) -> list[Vector | None]:
        """In their order; None for a text that the server refuses though it takes others. Raises ModelError."""
        try:
            found = self._tried([*texts])
        except ModelError as error:
            if not _is_too_much(error):
                raise
            return self._in_pieces(texts) if len(texts) > 1 else self._shortened(texts[0], error)
        self._taken = self._taken or texts[0]
        return [*found]

    def _in_pieces(self, texts: Sequence[str]) -> list[Vector | None]:
        """Half as many at once, from now on, unless it turns out that it was one text that was too long."""
        before, too_long = self._most, self._too_long
        self._most = len(texts) // 2
        found: list[Vector | None] = []
        while len(found) < len(texts):
            found += self.vectors(self.batch(texts, len(found)))
        if self._too_long > too_long:
            self._most = before
        return found

    def _shortened(self, text: str, error: ModelError) -> list[Vector | None]:
        self._too_long += 1
        if error.kind.again:
            self._see_that_it_works(error)
        if len(text) >= 2 * LEAST_CHARACTERS:
            return self.vectors([text[: len(text) // 2]])
        self._see_that_it_works(error)
        return [None]

    def _see_that_it_works(self, error: ModelError) -> None:
        """Raises ModelError where it is not this text's fault: the server takes none now, or has taken none yet."""
        if not self._taken:
            raise error
        self._tried([self._taken])

    def _tried(self, texts: list[str]) -> Sequence[Vector]:
        for number in range(TRIES):
            self._alive()
            try:
                return self._model.embed(texts)
            except ModelError as error:
                if not error.kind.again or number == TRIES - 1 or (_is_too_much(error) and len(texts) > 1):
                    raise
                pause = PAUSES[number] if error.retry_after is None else min(error.retry_after, LONGEST_PAUSE)
                self._wait(pause)
        raise AssertionError("the last try returns or raises")

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._alive()
            time.sleep(min(left, 1.0))


def _is_too_much(error: ModelError) -> bool:
    """Whether fewer or shorter texts may do: llama.cpp says 500 of texts that are too long, others 413, and a slow
    server does not answer in time."""
    status = error.details.get("status")
    return error.kind in _TOO_MUCH or status in (413, 500) or error.problem is Problem.UPSTREAM_TIMEOUT
