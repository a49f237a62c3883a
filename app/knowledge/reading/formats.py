"""A reader for each format."""

from collections.abc import Callable, Mapping
from pathlib import Path

from app.engine.texts import clean
from app.knowledge.documents import Document, UnreadableError
from app.knowledge.reading import docx, html, markdown, pdf, plain_text, question_table
from app.knowledge.reading.contents import contents
from app.knowledge.reading.endings import format_of, why_not_read

MOST_CHARACTERS = 10_000_000  # of a document's text: some four thousand pages
MOST_SECTIONS = 50_000  # of a document

READERS: Mapping[str, Callable[[bytes, str], Document]] = {
    "markdown": markdown.read,
    "text": plain_text.read,
    "html": html.read,
    "pdf": pdf.read,
    "docx": docx.read,
    "questions": question_table.read,
}
"""From a file's bytes and its name, which is the title of what has no other. They raise UnreadableError."""


def read(path: Path) -> Document:
    """The document of a file, computed here and now. Raises UnreadableError; what a damaged file may do besides, with
    memory, time or the process, is for `Reader` (beside.py) to bound."""
    form = format_of(path)
    if form is None:
        raise UnreadableError(why_not_read(path))
    return _bounded(READERS[form](contents(path), clean(path.name)))


def _bounded(document: Document) -> Document:
    characters = sum(len(section.text) for section in document.sections)
    if characters > MOST_CHARACTERS:
        raise UnreadableError(f"it has more than {MOST_CHARACTERS:,} characters of text; split it")
    if len(document.sections) > MOST_SECTIONS:
        raise UnreadableError(f"it has more than {MOST_SECTIONS:,} sections; split it")
    return document
