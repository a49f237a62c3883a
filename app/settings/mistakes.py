"""Mistakes of those who configure and call: marshmallow's nested messages, made flat for people."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a command that reads no parlance.toml does without the records of one
    from app.settings.records import OperatorFiles

# Names that marshmallow adds to the path of a mistake and that say nothing to who made it.
_NOT_PLACES = ("_schema", "key", "value")


class SettingsError(Exception):
    """The settings hold mistakes: `problems` has one line for each.

    `files` is what could be read all the same of the operator's files, so that mistakes in these are found at once too;
    None where parlance.toml could not be read.
    """

    def __init__(self, problems: Sequence[str], files: "OperatorFiles | None" = None) -> None:
        self.problems, self.files = problems, files
        super().__init__("\n".join(problems))


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


def mistake_lines(messages: Any) -> list[str]:
    """One line for each mistake: its place, where it has one, and what is wrong."""
    return [f"{place}: {what}" if place else what for place, what in flatten(messages)]
