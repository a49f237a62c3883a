"""Finds out in a child process what a response holds to be kept: pages of strangers are parsed there."""

import re
import tempfile
from email.message import Message
from pathlib import Path
from typing import Self

import orjson

from app.knowledge.documents import UnreadableError
from app.knowledge.pages.content import Content
from app.knowledge.pages.fetching import Response, SkippedError
from app.knowledge.pages.robots import directives
from app.knowledge.pages.urls import file_name
from app.knowledge.reading.beside import Reader
from app.knowledge.reading.endings import FORMATS

_HTML = ("text/html", "application/xhtml+xml")
_ENDINGS = {
    "application/pdf": ".pdf",
    "application/x-pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
}
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream", "application/force-download")


class Extractor:
    """Use with `with`: the child process ends then."""

    def __init__(self) -> None:
        self._reader = Reader("app.knowledge.pages.process_main")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def content_of(self, response: Response) -> Content:
        """Raises SkippedError where it cannot be read, and OSError where it cannot be written down for the child."""
        name = file_name(response.url)
        ending = _ending(response, name)
        stem = re.sub(r"[^\w .-]", "-", name.removesuffix(ending)).strip(". ")[:60] or "document"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{stem}{ending}"
            file.write_bytes(response.body)
            request = {"path": str(file), "html": ending == ".html", "url": response.url, "charset": _charset(response)}
            try:
                found = self._reader.ask(orjson.dumps(request))
            except UnreadableError as error:
                raise SkippedError(str(error)) from error
        said = directives(response.headers.get("x-robots-tag", ""))
        links = () if "nofollow" in said else tuple(found.pop("links"))
        return Content(**{**found, "links": links, "noindex": found["noindex"] or "noindex" in said})


def _ending(response: Response, name: str) -> str:
    """Of a file of this kind. Raises SkippedError for what cannot be read."""
    kind, ending = response.content_type, Path(name).suffix.lower()
    if response.body.startswith(b"%PDF-"):
        return ".pdf"
    if kind in _HTML or (kind == "" and re.match(rb"\s*<(?:!doctype|html)", response.body, re.IGNORECASE)):
        return ".html"
    if kind not in _UNTOLD:
        ending = _ENDINGS.get(kind, "")
    if ending not in FORMATS:
        raise SkippedError(f"is nothing that is read ({kind[:100] or 'of no kind that is told'})", gone=True)
    return ending


def _charset(response: Response) -> str | None:
    message = Message()
    message["content-type"] = response.headers.get("content-type", "")
    return message.get_content_charset()
