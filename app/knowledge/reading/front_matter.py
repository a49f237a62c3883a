"""Front matter: what stands before a Markdown file's text about it, as YAML between `---` or as TOML between `+++`."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml

from app.knowledge.documents import UnreadableError

MOST_CHARACTERS = 65_536

_BLOCK = re.compile(r"(---|\+\+\+)[ \t]*\n(.*?)^(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


def split(text: str) -> tuple[Mapping[str, Any], str]:
    """What the front matter says, by keys in lower case, and the text after it. Raises UnreadableError where it has a
    mistake: what an owner has said of the file would be lost otherwise."""
    block = _BLOCK.match(text[:MOST_CHARACTERS])
    if not block:
        return {}, text
    try:
        said = yaml.safe_load(block[2]) if block[1] == "---" else tomllib.loads(block[2])
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise UnreadableError(f"its front matter has a mistake: {' '.join(str(error).split())[:200]}") from error
    if said is None:  # nothing but comments
        return {}, text[block.end() :]
    if not isinstance(said, dict):  # text between two lines
        return {}, text
    return {str(key).lower(): value for key, value in said.items()}, text[block.end() :]


def text_of(said: Mapping[str, Any], *keys: str) -> str:
    """What the first of the keys says that is there; "" where none is, or is no text."""
    value = next((said[key] for key in keys if said.get(key) is not None), "")
    return " ".join(str(value).split()) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def address_of(said: Mapping[str, Any]) -> str:
    """The absolute address that it names; "" where it names none, or a path within a site that nobody knows."""
    address = text_of(said, "url", "canonical", "canonical_url")
    try:
        parts = urlsplit(address)
        return address if parts.scheme in {"http", "https"} and parts.hostname else ""
    except ValueError:
        return ""


def is_draft(said: Mapping[str, Any]) -> bool:
    """`draft: true`, and Jekyll's `published: false`."""
    return said.get("draft") is True or said.get("published") is False
