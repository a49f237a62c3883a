"""The files of knowledge."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePath

from app.knowledge.reading.endings import format_of

CACHE_TAG = "CACHEDIR.TAG"
"""A file that says that its folder is a program's cache (https://bford.info/cachedir/), such as that of indexes."""

_ANY_DEPTH = "**"
_LEFT_BEHIND = re.compile(
    r"~$|^#.*#$|^~\$|\.(?:swp|swo|bak|orig|tmp|part|crdownload)$|^(?:thumbs\.db|desktop\.ini)$", re.IGNORECASE
)


def matching_files(patterns: Sequence[str]) -> list[str]:
    """The paths of all files that the patterns stand for, sorted, each once: files, all files that are read below
    folders, and what glob patterns match, where `**` is any number of folders. Hidden files, and those that editors and
    other programs leave behind, are only there where a pattern names them without wildcards; so is what lies in caches'
    folders, which have a CACHE_TAG."""
    return sorted({path for pattern in patterns for path in _matches(pattern)})


def _matches(pattern: str) -> Iterator[str]:
    if not glob.has_magic(pattern):
        return _named(pattern)
    before, after = _at_any_depth(pattern)
    if after:
        folders = glob.glob(before) if before else ["."]  # noqa: PTH207 - patterns begin anywhere
        return (path for folder in folders for path in _below(folder, after) if _is_meant(path))
    in_cache = cache(_is_in_cache)
    found = (path for path in glob.glob(pattern) if os.path.isfile(path) and _is_meant(path))  # noqa: PTH113, PTH207
    return (path for path in found if not in_cache(os.path.dirname(path)))  # noqa: PTH120


def _is_in_cache(folder: str) -> bool:
    """Whether it, or the one above it, is a cache's: those of indexes are no deeper."""
    return any(os.path.exists(os.path.join(folder, above, CACHE_TAG)) for above in ("", ".."))  # noqa: PTH110, PTH118


def _named(path: str) -> Iterator[str]:
    if os.path.isdir(path):  # noqa: PTH112
        yield from (file for file in _below(path, [_ANY_DEPTH]) if _is_meant(file) and format_of(PurePath(file)))
    elif os.path.isfile(path):  # noqa: PTH113
        yield path


def _is_meant(path: str) -> bool:
    return not _LEFT_BEHIND.search(PurePath(path).name)


def _at_any_depth(pattern: str) -> tuple[str, list[str]]:
    """What stands before the first `**`, and the parts from there on."""
    parts = PurePath(pattern).parts
    if _ANY_DEPTH not in parts:
        return pattern, []
    index = parts.index(_ANY_DEPTH)
    return str(PurePath(*parts[:index])) if index else "", list(parts[index:])


def _below(folder: str, pattern: Sequence[str]) -> Iterator[str]:
    """The files below the folder whose path from there fits. Each folder is looked at once, whatever links lead to it:
    Python's glob would follow those that lead back, again and again."""
    seen: set[tuple[int, int]] = set()
    waiting = [(folder, list[str]())]
    while waiting:
        place, parts = waiting.pop()
        try:
            status = os.stat(place)  # noqa: PTH116
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = [entry for entry in os.scandir(place) if not entry.name.startswith(".")]
        except OSError:
            continue
        if any(entry.name == CACHE_TAG for entry in entries):
            continue
        for entry in entries:
            try:
                is_folder, is_file = entry.is_dir(), entry.is_file()
            except OSError:  # a link to itself, or to where this user may not look
                continue
            if is_folder:
                waiting.append((entry.path, [*parts, entry.name]))
            elif is_file and _fits([*parts, entry.name], pattern):
                yield entry.path


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == _ANY_DEPTH:
        return len(pattern) == 1 or any(_fits(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def pages_folder(home: Path, agent_id: str) -> Path:
    """Where `flask knowledge add` keeps the pages that it has read for the agent, as Markdown: in the home folder."""
    return home / "knowledge" / "pages" / agent_id


def pages_pattern(home: Path, agent_id: str) -> str:
    """The pattern of these pages' files."""
    return f"{glob.escape(str(pages_folder(home, agent_id)))}/**/*"
