"""Folds a turn's events back into the message that is stored."""

import logging
from collections.abc import Iterable
from typing import NoReturn

from app.engine.errors import ChatError, Problem
from app.engine.events import (
    Batch,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningIdentified,
    RoundFinished,
    RoundStarted,
    SourceFound,
    TextDelta,
    TextEnded,
    ToolCalled,
    ToolReturned,
)
from app.engine.messages import (
    Message,
    Part,
    ProviderMetadata,
    ReasoningPart,
    SourcePart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from app.engine.replay import Snapshot

log = logging.getLogger(__name__)

_MOST_BYTES_OF_CHARACTER = 4  # UTF-8


class Transcript:
    """The assistant's message so far, including what has been said of an open part. `parts` are a resumed answer's.

    `most_bytes` bounds what is added of text, reasoning, arguments of calls and metadata, in UTF-8. `request_id` and
    `model` (of which it is, once that is known; None where there are several) are for the log.
    """

    def __init__(self, most_bytes: int, parts: Iterable[Part] = (), *, request_id: str | None = None) -> None:
        self.model: str | None = None
        self._request_id = request_id
        self._most = self._room = most_bytes
        self._parts: list[Part] = list(parts)
        self._resumed = len(self._parts)
        self._rounds, self._in_round = 0, False
        self._documents = {part.document for part in self._parts if isinstance(part, SourcePart)}
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._ended_pieces = 0  # of the parts that have ended

    def add(self, batch: Batch) -> None:  # noqa: C901 - a line or two for each kind
        """Add what the events say; those of other kinds change nothing. Raises ChatError(UPSTREAM_FAILED) at the first
        event for which there is no room; those before it have been added."""
        for event in batch:
            if type(event) is TextDelta:  # almost every event
                text = event.text
                self._room -= len(text) if text.isascii() else len(text.encode())
                if self._room < 0:
                    self._refuse()
                self._text.append(text)
                continue
            match event:
                case ReasoningDelta(text):
                    self._take(text)
                    self._reasoning.append(text)
                case TextEnded():
                    self._end_parts()
                case ReasoningEnded(_, metadata):
                    self._take_metadata(metadata)
                    self._end_parts(metadata)
                case ReasoningIdentified(metadata, text):
                    self._take_metadata(metadata)
                    self._take(text)
                    self._parts.append(ReasoningPart(text, metadata, shown=False))
                case ToolCalled(call_id, name, args, metadata):
                    self._take_metadata(metadata)
                    self._take(str(args))
                    self._parts.append(ToolCallPart(call_id, name, args, metadata))
                case ToolReturned(call_id, name, result, is_error):
                    self._parts.append(ToolResultPart(call_id, name, result, is_error))
                case SourceFound(source, title, url):
                    self._add_source(SourcePart(source, title, url))
                case RoundStarted():
                    self._rounds, self._in_round = self._rounds + 1, True
                case RoundFinished():
                    self._in_round = False

    def has_room(self, characters: int) -> bool:
        """Whether there is room for a text of so many characters in any case."""
        return self._room >= _MOST_BYTES_OF_CHARACTER * characters

    @property
    def added_bytes(self) -> int:
        """Of text, reasoning, arguments and metadata."""
        return self._most - self._room

    @property
    def pieces(self) -> int:
        """How many deltas of text and reasoning have been added."""
        return self._ended_pieces + len(self._text) + len(self._reasoning)

    def message(self) -> Message:
        """The message as it is now."""
        return Message("assistant", (*self._parts, *self._open_parts()))

    def snapshot(self) -> Snapshot:
        """The same, as it is told once more."""
        going_on = self._open_parts()
        return Snapshot((*self._parts, *going_on), bool(going_on), self._resumed, self._rounds, self._in_round)

    def _add_source(self, found: SourcePart) -> None:
        """Each document once: the first passage of it is the best one."""
        if found.document not in self._documents:
            self._documents.add(found.document)
            self._parts.append(found)

    def _take(self, text: str) -> None:
        self._room -= len(text.encode("utf-8", "surrogatepass"))
        if self._room < 0:
            self._refuse()

    def _take_metadata(self, metadata: ProviderMetadata | None) -> None:
        if metadata:
            self._take(str(metadata.value))

    def _refuse(self) -> NoReturn:
        fields = {"request_id": self._request_id, "model": self.model}
        log.warning("a model's answer is longer than answer_bytes", extra=fields)
        raise ChatError(Problem.UPSTREAM_FAILED)

    def _end_parts(self, metadata: ProviderMetadata | None = None) -> None:
        self._parts += self._open_parts(metadata)
        self._ended_pieces = self.pieces
        self._text, self._reasoning = [], []

    def _open_parts(self, metadata: ProviderMetadata | None = None) -> list[Part]:
        parts: list[Part] = []
        if self._reasoning:
            parts.append(ReasoningPart("".join(self._reasoning), metadata))
        if self._text:
            parts.append(TextPart("".join(self._text)))
        return parts
