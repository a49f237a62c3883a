"""Files that the server brings along: read once."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from flask import Response

from app.site.shorten import shortened
from app.web.responses.prepared import Prepared

STATIC = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}
_COMMENT = re.compile(rb"^\s*(?://.*|/\*\*.*\*/)\n", re.MULTILINE)  # on a line of its own
_INDENT = re.compile(r"^\s+", re.MULTILINE)


def file_response(name: str, seconds: int = 0) -> Response:
    """One of the files, which caches may keep for so many seconds before they ask again."""
    return _file(name).response(seconds)


def function_of(names: Iterable[str]) -> Prepared:
    """Several scripts as the body of one function, shortened (app/site/shorten.py), which takes 50 ms for 70 KB: none
    of them may have a text over several lines in which indentation or empty lines matter."""
    body = _INDENT.sub("", b"".join(_read(name) for name in names).decode())
    return Prepared(shortened(f'(() => {{\n"use strict";\n{body}}})();\n').encode(), f"{_TYPES['.js']}; charset=utf-8")


@cache
def _file(name: str) -> Prepared:
    return Prepared(_read(name), f"{_TYPES[Path(name).suffix]}; charset=utf-8")


def _read(name: str) -> bytes:
    content = (STATIC / name).read_bytes()
    return _COMMENT.sub(b"", content) if name.endswith(".js") else content  # comments are for people who read it here
