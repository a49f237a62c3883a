"""A model's reply until its first word: one without any word and any call is none."""

from collections.abc import Iterator, Sequence
from itertools import chain
from math import inf
from time import monotonic

from app.engine.chunks import Chunk, ModelFinished
from app.engine.errors import FailureKind, ModelError, Problem
from app.engine.events import ReasoningDelta, TextDelta, ToolCalled

FILTERED = "A content filter has withheld the answer"


class Reply:
    """The batches of one model's stream. Use: `begin`, then `until_the_first_word`, then `rest`.

    Blank text is held back until a word follows it: where none does, the caller has seen nothing that a second reply
    would have to take back. Thoughts are passed on as they come. Without `needs_words` a reply may have none.
    """

    def __init__(self, batches: Iterator[Sequence[Chunk]], *, needs_words: bool) -> None:
        self.rest = batches
        self.has_begun = False  # there is something that may be shown
        self._needs_words = needs_words
        self._first: Sequence[Sequence[Chunk]] = ()  # what `begin` has taken of the batches

    def begin(self, seconds: float | None) -> Iterator[tuple[()]]:
        """Wait for something to show; an empty batch after each heartbeat interval. With `seconds` (monotonic) it waits
        so long at most, and for one heartbeat interval. Raises ModelError where the reply ends with nothing in it."""
        until = inf if seconds is None else monotonic() + seconds
        taken: list[Chunk] = []
        for batch in self.rest:
            taken += batch
            self._check(batch)
            self.has_begun = any(map(_is_shown, batch))
            if self.has_begun or monotonic() >= until or not (batch or seconds is None):
                self._first = [taken or ()]
                return
            if not batch:
                yield ()

    def until_the_first_word(self) -> Iterator[Sequence[Chunk]]:
        """The batches up to the one with the first word or call. Raises ModelError as `begin` does."""
        held: list[Chunk] = []
        for batch in chain(self._first, self.rest):
            self._check(batch)
            if any(map(_is_word, batch)) or _is_last(batch):
                yield [*held, *batch]
                return
            held += filter(_is_blank, batch)
            yield [chunk for chunk in batch if not _is_blank(chunk)] or ()

    def _check(self, batch: Sequence[Chunk]) -> None:
        if self._needs_words and _is_last(batch) and not any(map(_is_word, batch)):
            last = batch[-1]
            assert isinstance(last, ModelFinished)
            if last.finish_reason == "content-filter":
                reason = "a content filter has left nothing of the answer"
                raise ModelError(Problem.UPSTREAM_FAILED, FILTERED, kind=FailureKind.FILTERED, reason=reason)
            reason = f"ended without a word: {last.finish_reason}"
            raise ModelError(Problem.UPSTREAM_FAILED, kind=FailureKind.WORDLESS, reason=reason)


def _is_last(batch: Sequence[Chunk]) -> bool:
    return bool(batch) and isinstance(batch[-1], ModelFinished)


def _is_word(chunk: Chunk) -> bool:
    if isinstance(chunk, TextDelta):
        return any(letter.isprintable() and not letter.isspace() for letter in chunk.text)
    return isinstance(chunk, ToolCalled)


def _is_shown(chunk: Chunk) -> bool:
    return _is_word(chunk) or isinstance(chunk, ReasoningDelta | ModelFinished)


def _is_blank(chunk: Chunk) -> bool:
    return isinstance(chunk, TextDelta) and not _is_word(chunk)
