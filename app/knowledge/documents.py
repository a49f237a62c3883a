"""What is known of a document, from its file to the index."""

from dataclasses import dataclass


class UnreadableError(Exception):
    """A file is no document that can be read; the text says why, for its owner. `passing`: it is not the file's fault
    alone, and another time may do."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below a heading, up to the next one, as Markdown.

    - `headings`: the heading and those above it, outermost first; none before the first heading.
    - `anchor`: what leads to it behind the document's address, such as `#prices` or `#page=3`; "" where nothing does.
    - `url`: where people find it, where that is not the document's address with the anchor.
    """

    headings: tuple[str, ...]
    text: str
    anchor: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as its reader gives it.

    - `title`: for people; the file's name where it has no other.
    - `url`: where people find it; "" where they do not.
    - `language`: as a tag (BCP 47), where the document says it; "" otherwise.
    - `draft`: its owner says that it is not to be read yet; it has no sections then.
    """

    title: str
    sections: tuple[Section, ...]
    url: str = ""
    language: str = ""
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage in the index: a section, or a piece of one that is longer than a passage.

    - `source`: the document's title. `headings`: the section's.
    - `url`: the section's, or else the document's with the section's anchor.
    - `language`: the document's.
    """

    source: str
    headings: tuple[str, ...]
    text: str
    url: str = ""
    language: str = ""
