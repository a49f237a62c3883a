"""Text as everything that it passes can take it: without NUL (PostgreSQL takes none) and without halves of surrogate
pairs (UTF-8 has none)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NUL = "\0"


def clean(text: str) -> str:
    """The text with U+FFFD in place of what cannot be kept; the text itself where there is nothing of that."""
    if NUL in text:
        text = text.replace(NUL, "\ufffd")
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cleaned(value: Any) -> Any:
    """A JSON value with clean texts, names included."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {cleaned(name): cleaned(inner) for name, inner in value.items()}
    return [cleaned(inner) for inner in value] if isinstance(value, list | tuple) else value


def places_of_nul(value: Any, place: tuple[str, ...] = ()) -> Iterator[str]:
    """The dotted place of each text in a JSON value that has a NUL; of a name that has one, without it."""
    if isinstance(value, str):
        if NUL in value:
            yield ".".join(place)
    elif isinstance(value, Mapping | Sequence):
        for name, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            inside = (*place, str(name))
            if NUL in inside[-1]:
                yield ".".join(inside).replace(NUL, "")
            else:
                yield from places_of_nul(inner, inside)
