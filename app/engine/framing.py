"""Opens and closes the parts of an answer exactly once, so that no encoder has to."""

from collections.abc import Callable, Sequence

from app.engine.events import (
    Event,
    ReasoningDelta,
    ReasoningEnded,
    ReasoningStarted,
    TextDelta,
    TextEnded,
    TextStarted,
    ToolCalled,
)

# The law: each kind of delta lives in a part of its own kind; whatever is not a delta ends the open part.
_PARTS: dict[type, tuple[Callable[[int], Event], Callable[[int], Event]]] = {
    TextDelta: (TextStarted, TextEnded),
    ReasoningDelta: (ReasoningStarted, ReasoningEnded),
}


class Framing:
    """Turns a model's chunks into framed events, for one answer."""

    def __init__(self) -> None:
        self._kind: type | None = None
        self._part = 0

    def frame(self, chunks: Sequence[TextDelta | ReasoningDelta | ToolCalled]) -> Sequence[Event]:
        """The same chunks with the starts and ends of parts between them; empty deltas are dropped."""
        if self._kind is TextDelta:  # what almost every batch is: more text
            for raw in chunks:
                if type(raw) is not TextDelta or not raw.text or not raw.text.isascii():
                    break
            else:
                return chunks
        events: list[Event] = []
        for raw in chunks:
            kind = type(raw)
            chunk = raw if isinstance(raw, ToolCalled) else _presentable(raw)
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

    def close(self) -> list[Event]:
        """End the open part, if there is one."""
        if self._kind is None:
            return []
        ended = _PARTS[self._kind][1](self._part)
        self._kind = None
        return [ended]


def _presentable(delta: TextDelta | ReasoningDelta) -> TextDelta | ReasoningDelta:
    """The delta with lone surrogates replaced: no encoding of text and no database takes them."""
    if delta.text.isascii():
        return delta
    return type(delta)(delta.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
