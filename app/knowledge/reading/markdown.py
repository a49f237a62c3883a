"""Markdown."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.engine.texts import clean
from app.knowledge.documents import Document, Section

_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```[^\n]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def read(path: Path) -> Document:
    text = clean(path.read_text(encoding="utf-8", errors="replace"))
    return Document(path.name, tuple(_sections(text)))


def _sections(markdown: str) -> Iterator[Section]:
    """A section for the text below each heading, and one for the text before the first."""
    markdown = _FENCED.sub(lambda block: re.sub("^", "    ", block[1], flags=re.MULTILINE), markdown)
    pieces = _HEADING.split(markdown)
    for title, body in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        text = " ".join(_LINK.sub(r"\1", body).split())
        if text:
            yield Section((title,) if title else (), text)
