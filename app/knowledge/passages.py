"""Cuts documents into passages."""

from collections.abc import Iterator

from app.knowledge.documents import Document, Entry

MOST_CHARACTERS = 1200  # of a passage


def cut(document: Document) -> Iterator[Entry]:
    """The document's passages, in their order."""
    for section in document.sections:
        url = section.url or (document.url and document.url + section.anchor)
        text = section.text[:MOST_CHARACTERS]
        yield Entry(document.title, section.headings, text, url, document.language)
