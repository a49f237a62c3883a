"""A reader for each format."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from app.engine.texts import clean
from app.knowledge.documents import Document, Section, UnreadableError
from app.knowledge.reading import docx, html, markdown, pdf, plain_text, question_table
from app.knowledge.reading.contents import contents
from app.knowledge.reading.endings import format_of, why_not_read

MOST_CHARACTERS = 10_000_000  # of a document's text: some four thousand pages
MOST_SECTIONS = 50_000  # of a document

_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")  # which turn around what stands behind a name, too
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tabs and ends of lines

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
    return _without_controls(_bounded(READERS[form](contents(path), clean(path.name))))


def _bounded(document: Document) -> Document:
    characters = sum(len(section.text) for section in document.sections)
    if characters > MOST_CHARACTERS:
        raise UnreadableError(f"it has more than {MOST_CHARACTERS:,} characters of text; split it")
    if len(document.sections) > MOST_SECTIONS:
        raise UnreadableError(f"it has more than {MOST_SECTIONS:,} sections; split it")
    return document


def _without_controls(document: Document) -> Document:
    """With blanks for control characters, which nobody sees and terminals obey: they are in bytes, but also behind
    escapes and entities. Names do not change the direction of what they stand in, either."""
    sections = tuple(
        section if _is_clean(section) else replace(section, headings=_names(section.headings), text=_text(section.text))
        for section in document.sections
    )
    title, language = _names((document.title, document.language))
    return replace(document, title=title, language=language, sections=sections)


def _is_clean(section: Section) -> bool:
    return not (_turns(section.headings) or any(map(_CONTROLS.search, (section.text, *section.headings))))


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    plain = [_DIRECTIONS.sub("", name) for name in names] if _turns(names) else names
    return tuple(" ".join(_text(name).split()) if _CONTROLS.search(name) else name for name in plain)


def _turns(names: Iterable[str]) -> bool:
    return any(map(_DIRECTIONS.search, names))


def _text(text: str) -> str:
    return _CONTROLS.sub(" ", text)
