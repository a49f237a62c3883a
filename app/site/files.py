"""Files that the server brings along: read once."""

import re
from functools import cache
from pathlib import Path

from flask import Response

from app.web.responses.prepared import Prepared

STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}
_COMMENT = re.compile(rb"^\s*(?://.*|/\*\*.*\*/)\n", re.MULTILINE)  # on a line of its own


def file_response(name: str, seconds: int = 0) -> Response:
    """One of the files, which caches may keep for so many seconds before they ask again."""
    return _read(name).response(seconds)


@cache
def _read(name: str) -> Prepared:
    content = (STATIC / name).read_bytes()
    if name.endswith(".js"):
        content = _COMMENT.sub(b"", content)  # for people who read it here
    return Prepared(content, f"{_TYPES[Path(name).suffix]}; charset=utf-8")
