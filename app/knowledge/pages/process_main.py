"""The child process in which pages and documents of sites are parsed.

A request is JSON: the `path` of a file with the body, whether it is `html`, and the `charset` and `url` that it came
with. The reply's `content` is a `Content`.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from app.knowledge.pages.content import Content, content_of
from app.knowledge.reading.contents import contents
from app.knowledge.reading.formats import read
from app.knowledge.reading.html import page
from app.knowledge.reading.process_main import answer_requests

MOST_LINKS = 5_000  # of a page
MOST_TITLE = 300  # characters


def main(parent: int) -> None:
    """`parent` is the parent's process id."""
    answer_requests(parent, _reply)


def _reply(request: bytes) -> dict[str, Any]:
    """Raises UnreadableError."""
    asked = orjson.loads(request)
    content = _page(asked) if asked["html"] else content_of(read(Path(asked["path"])))
    return asdict(content) | {"title": content.title[:MOST_TITLE]}


def _page(asked: dict[str, Any]) -> Content:
    found = page(contents(Path(asked["path"])), asked["charset"], asked["url"])
    return Content(
        found.title, found.language, found.markdown, found.links[:MOST_LINKS], found.canonical, found.noindex
    )
