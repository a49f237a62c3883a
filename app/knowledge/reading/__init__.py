"""Reads documents: a reader for each format, by the ending of a file's name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from app.knowledge.documents import Document
from app.knowledge.reading import markdown

READERS: Mapping[str, Callable[[Path], Document]] = {".md": markdown.read}


def read(path: Path) -> Document:
    """The document of a file. Raises UnreadableError, and OSError where the file cannot be opened."""
    return READERS.get(path.suffix.lower(), markdown.read)(path)
