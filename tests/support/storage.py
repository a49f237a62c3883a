"""What goes wrong with a database's file, as it does outside of tests: locked by others, on a full disk, damaged."""

import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ALONE = ("unshare", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")), "--mount")
"""What a program that starts so mounts, is mounted for itself and its children alone."""


@cache
def may_mount() -> bool:
    """Whether the system lets programs mount something for themselves alone."""
    if not shutil.which("unshare"):
        return False
    command = [*ALONE, "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another connection holds the lock for writing."""
    outside = sqlite3.connect(file, isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        outside.execute("ROLLBACK")
        outside.close()


@contextmanager
def full_disk(file: Path, pid: int = 0) -> Iterator[None]:
    """The process (0: this one) can make no file longer than the database's write-ahead log is now. SQLite learns of it
    as of a full disk: from the system call that writes."""
    size = file.with_name(f"{file.name}-wal").stat().st_size
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def damaged(file: Path) -> Iterator[None]:
    """All pages but the first are overwritten, and put right at the end."""
    with file.open("r+b") as opened:
        opened.seek(4096)
        right = opened.read()
        opened.seek(4096)
        opened.write(b"damaged!" * (len(right) // 8))
        os.fsync(opened.fileno())
        try:
            yield
        finally:
            opened.seek(4096)
            opened.write(right)
