"""What an index was made of: which files, in which state, read and cut by which version of this program."""

import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath

from app.knowledge.files import matching_files
from app.knowledge.reading.endings import format_of

FileState = tuple[str, int, int, int, int, int]
"""Path, time of change (nanoseconds of the wall clock) and size (bytes); mode, user and group, by which a file that
could not be read becomes one that can."""

_ROOMS = [Path(__file__).parents[2] / room for room in ("knowledge", "language")]
_LIBRARIES = ("numpy", "PyStemmer")  # what they make of a text is in the index


def look(patterns: tuple[str, ...]) -> Sequence[FileState]:
    """All files that match one of the patterns, by path; those that vanish meanwhile are left out."""
    found = []
    for path in matching_files(patterns):
        with suppress(OSError):
            found.append(state_of(path))
    return found


def state_of(path: str) -> FileState:
    """Raises OSError. Of a kind that is not read, whatever it holds, only the path counts: a database beside the
    knowledge changes all the time."""
    if not format_of(PurePath(path)):
        return path, 0, 0, 0, 0, 0
    status = os.stat(path)  # noqa: PTH116 - for thousands of paths, which are texts
    return path, status.st_mtime_ns, status.st_size, status.st_mode, status.st_uid, status.st_gid


def name_of(files: Sequence[FileState]) -> str:
    """The name of the index of these files in this state, as this version makes it: 32 hexadecimal digits."""
    digest = sha256(program_version())
    for state in files:
        digest.update(digest_of(state))
    return digest.hexdigest()[:32]


def digest_of(state: FileState) -> bytes:
    path, *numbers = state
    return sha256(os.fsencode(path) + repr(numbers).encode()).digest()


@cache
def program_version() -> bytes:
    """A digest of the code that reads, cuts and indexes. A version number would have to be counted up by hand, and one
    that is forgotten leaves an index that the new code reads wrongly."""
    digest = sha256()
    for path in sorted(path for room in _ROOMS for path in room.rglob("*.*")):
        if path.suffix in (".py", ".txt"):
            digest.update(path.read_bytes())
    for library in _LIBRARIES:
        with suppress(PackageNotFoundError):
            digest.update(version(library).encode())
    return digest.digest()
