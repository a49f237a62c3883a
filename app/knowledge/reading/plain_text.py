"""Plain text: paragraphs between empty lines."""

import re

from app.knowledge.documents import Document, Section
from app.knowledge.reading.encodings import decoded

MOST_TITLE = 100  # characters of a first line that is a title

_SENTENCE_ENDS = {*".!?,;\u3002\uff01\uff1f\uff0c\u061f"}
_EMPTY_LINES = re.compile(r"\n[ \t\f\v]*\n\s*")


def read(data: bytes, name: str) -> Document:
    """Its title is its first line, where that stands alone and is no sentence; its name otherwise."""
    text = decoded(data).replace("\f", "\n\n").strip()
    first, _, rest = text.partition("\n")
    first = first.strip()
    if rest[:1].isspace() and rest.strip() and len(first) <= MOST_TITLE and first[-1:] not in _SENTENCE_ENDS:
        return Document(first.rstrip(":"), _sections(rest.strip()))
    return Document(name, _sections(text))


def _sections(text: str) -> tuple[Section, ...]:
    shown = "\n\n".join(paragraph.rstrip() for paragraph in _EMPTY_LINES.split(text) if paragraph.strip())
    return (Section((), shown),) if shown else ()
