"""The endings of files that are read, and what to do about some that are not. It imports nothing, for the server."""

from collections.abc import Mapping
from pathlib import PurePath

FORMATS: Mapping[str, str] = {
    **dict.fromkeys((".md", ".markdown"), "markdown"),
    ".txt": "text",
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".pdf": "pdf",
    ".docx": "docx",
    **dict.fromkeys((".csv", ".tsv"), "questions"),
}
"""The format of a file, by its ending in lower case."""

_AS_DOCX = "save it as DOCX or PDF"
_AS_CSV = "save it as CSV: questions in one column, answers in the next"
_PICTURE = "it is a picture"
_ADVICE: Mapping[str, str] = {
    **dict.fromkeys((".doc", ".odt", ".rtf", ".pages", ".docm", ".dotx"), _AS_DOCX),
    **dict.fromkeys((".xls", ".xlsx", ".xlsm", ".ods", ".numbers"), _AS_CSV),
    **dict.fromkeys((".ppt", ".pptx", ".odp", ".key", ".epub"), "save it as PDF"),
    **dict.fromkeys((".mdx", ".rst", ".adoc", ".org", ".tex"), "save it as Markdown, HTML or PDF"),
    **dict.fromkeys((".mht", ".mhtml", ".webarchive"), "save it as HTML"),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".tif", ".tiff", ".heic"), _PICTURE),
}


def format_of(path: PurePath) -> str | None:
    return FORMATS.get(path.suffix.lower())


def why_not_read(path: PurePath) -> str:
    """Why a file of no known format is not read, for its owner."""
    advice = _ADVICE.get(path.suffix.lower(), "")
    return f"files of this kind are not read{advice and f'; {advice}'} (known are {', '.join(FORMATS)})"
