"""The formats that are read, by the ending of a file's name, and what to do about some that are not."""

from collections.abc import Callable, Mapping
from pathlib import Path

from app.engine.texts import clean
from app.knowledge.documents import Document, UnreadableError
from app.knowledge.reading import docx, html, markdown, pdf, plain_text, question_table
from app.knowledge.reading.contents import contents

MOST_CHARACTERS = 10_000_000  # of a document's text: ten thousand pages
MOST_SECTIONS = 50_000  # of a document

READERS: Mapping[str, Callable[[bytes, str], Document]] = {
    **dict.fromkeys((".md", ".markdown"), markdown.read),
    ".txt": plain_text.read,
    **dict.fromkeys((".html", ".htm", ".xhtml"), html.read),
    ".pdf": pdf.read,
    ".docx": docx.read,
    **dict.fromkeys((".csv", ".tsv"), question_table.read),
}
"""By ending, in lower case: from a file's bytes and its name, which is the title of what has no other. They raise
UnreadableError."""

_AS_DOCX = "save it as DOCX or PDF"
_AS_CSV = "save it as CSV: questions in one column, answers in the next"
_ADVICE: Mapping[str, str] = {
    **dict.fromkeys((".doc", ".odt", ".rtf", ".pages", ".docm", ".dotx"), _AS_DOCX),
    **dict.fromkeys((".xls", ".xlsx", ".xlsm", ".ods", ".numbers"), _AS_CSV),
    **dict.fromkeys((".ppt", ".pptx", ".odp", ".key", ".epub"), "save it as PDF"),
    **dict.fromkeys((".mdx", ".rst", ".adoc", ".org", ".tex"), "save it as Markdown, HTML or PDF"),
    **dict.fromkeys((".mht", ".mhtml", ".webarchive"), "save it as HTML"),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".tif", ".tiff", ".heic"), "it is a picture"),
}


def is_readable(path: Path) -> bool:
    """Whether the ending is that of a format that is read."""
    return path.suffix.lower() in READERS


def read(path: Path) -> Document:
    """The document of a file, computed here and now. Raises UnreadableError; what a damaged file may do besides, with
    memory, time or the process, is for `documents` to bound."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        advice = _ADVICE.get(path.suffix.lower(), "")
        raise UnreadableError(f"files of this kind are not read{advice and f'; {advice}'} (known are {known})")
    return _bounded(reader(contents(path), clean(path.name)))


def _bounded(document: Document) -> Document:
    characters = sum(len(section.text) for section in document.sections)
    if characters > MOST_CHARACTERS:
        raise UnreadableError(f"it has more than {MOST_CHARACTERS:,} characters of text; split it")
    if len(document.sections) > MOST_SECTIONS:
        raise UnreadableError(f"it has more than {MOST_SECTIONS:,} sections; split it")
    return document
