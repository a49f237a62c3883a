"""Starts and ends the parts of an answer exactly once each, so that no encoder has to."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.engine.events import (
    Event,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningIdentified,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
)
from app.engine.messages import ProviderMetadata
from app.engine.texts import NUL, clean, cleaned

# Each kind of delta has its own kind of part; an event that is not a delta ends the open part.
_PARTS: dict[type, tuple[Callable[[int], Event], Callable[[int], Event]]] = {
    TextDelta: (TextStarted, TextEnded),
    ReasoningDelta: (ReasoningStarted, ReasoningEnded),
}

Saying = TextDelta | ReasoningDelta | ReasoningIdentified | ToolCalled

END_OF_THOUGHTS = ReasoningIdentified(ProviderMetadata({}))
"""Ends the open reasoning, which has no metadata; nothing where none is open."""


class Framing:
    """Puts the starts and ends of parts between the chunks of one answer. Parts are numbered from 1."""

    def __init__(self) -> None:
        self._kind: type | None = None
        self._part = 0

    def frame(self, chunks: Sequence[Saying]) -> Sequence[Event]:
        """The chunks with the starts and ends of parts between them; without empty deltas, and with clean texts.

        Returns `chunks` itself where they only continue the open text.
        """
        if self._kind is TextDelta:  # almost every batch
            for raw in chunks:
                if type(raw) is not TextDelta or not raw.text or not raw.text.isascii() or NUL in raw.text:
                    break
            else:
                return chunks
        events: list[Event] = []
        for raw in chunks:
            kind = type(raw)
            if isinstance(raw, ReasoningIdentified) and self._kind is ReasoningDelta:
                self._kind = None
                events.append(ReasoningEnded(self._part, raw.metadata if raw.metadata.value else None))
                continue
            if raw == END_OF_THOUGHTS:
                continue
            chunk = _clean(raw)
            if isinstance(chunk, TextDelta | ReasoningDelta) and not chunk.text:
                continue
            if kind is not self._kind:
                events += self.close()
                if kind in _PARTS:
                    self._kind = kind
                    self._part += 1
                    events.append(_PARTS[kind][0](self._part))
            events.append(chunk)
        return events

    def goes_on_with(self, text: str) -> bool:
        """Whether a delta of this text, which is not empty, would only continue the open text."""
        return self._kind is TextDelta and clean(text) is text

    @property
    def is_thinking(self) -> bool:
        """Whether a part of reasoning is open."""
        return self._kind is ReasoningDelta

    def close(self) -> list[Event]:
        """The event that ends the open part, if one is open."""
        if self._kind is None:
            return []
        ended = _PARTS[self._kind][1](self._part)
        self._kind = None
        return [ended]


def _clean(chunk: Saying) -> Saying:
    match chunk:
        case TextDelta(text) | ReasoningDelta(text):
            cleaned_text = clean(text)
            return chunk if cleaned_text is text else type(chunk)(cleaned_text)
        case ToolCalled(call_id, name, args):
            return replace(chunk, call_id=clean(call_id), name=clean(name), args=cleaned(args))
    return chunk
