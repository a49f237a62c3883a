"""The bytes of a file, read once and whole, in the state in which it stood at one moment."""

import os
import stat
from pathlib import Path

from app.knowledge.documents import UnreadableError

MOST_BYTES = 50_000_000  # of a file
_TRIES = 3  # of a file that changes while it is read
_PIECE = 1_048_576  # bytes

_KINDS = [
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
]


def contents(path: Path) -> bytes:
    """All bytes of a regular file. What is none, or larger than MOST_BYTES, is never opened. Raises UnreadableError."""
    try:
        return _contents(path)
    except OSError as error:
        raise UnreadableError(f"it cannot be opened: {error.strerror or error}", passing=True) from error


def _contents(path: Path) -> bytes:
    for _ in range(_TRIES):
        _check(path.stat())
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            before = os.fstat(descriptor)
            _check(before)  # what was looked at may have been replaced
            data = _all(descriptor, before.st_size)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if _state(before) == _state(after) and len(data) == after.st_size:
            return data
    raise UnreadableError("it changes while it is read", passing=True)


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for check, name in _KINDS if check(status.st_mode)), "something else")
        raise UnreadableError(f"it is {kind}, not a file")
    if status.st_size > MOST_BYTES:
        size, most = status.st_size / 1_000_000, MOST_BYTES // 1_000_000
        raise UnreadableError(f"it is larger than {most} MB: {size:,.0f} MB; split it")


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _all(descriptor: int, size: int) -> bytes:
    """As many bytes as the file has, and one more where it has grown."""
    data = bytearray()
    while len(data) <= size and (piece := os.read(descriptor, min(_PIECE, size + 1 - len(data)))):
        data += piece
    return bytes(data)
