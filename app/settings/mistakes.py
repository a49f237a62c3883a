"""Marshmallow's nested messages, made flat for people."""

from collections.abc import Iterator
from typing import Any

# Names that marshmallow adds to the path of a mistake and that say nothing to who made it.
_NOT_PLACES = ("_schema", "key", "value")


def flatten(messages: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Pairs of the dotted place of a mistake ("" for the whole) and what is wrong there."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            yield from flatten(inner, place if name in _NOT_PLACES else (*place, str(name)))
    elif isinstance(messages, list):
        for inner in messages:
            yield from flatten(inner, place)
    else:
        yield ".".join(place), str(messages)
