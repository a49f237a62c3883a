"""Disks that can be filled and emptied while a server works on them.

- `SmallDisk`: the server runs in a mount namespace of its own, with its home folder on a small tmpfs. Root may make
  one, and others where user namespaces are allowed.
- `FileLimit`: no file of the server may grow (RLIMIT_FSIZE). It needs no permission. SQLite is told EFBIG, where a
  full disk says ENOSPC, and the log is cut off too.
"""

import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.storage import ALONE
from torture.servers import Victim

from app.testing.server import ServerRecords

MEBIBYTES = 20
UNSHARE = (*ALONE, "sh", "-ec")
MOUNT = f"""
cp -r "$0" "$0.made"
mount -t tmpfs -o size={MEBIBYTES}m,mode=700 none "$0"
cp "$0.made/parlance.db" "$0.made/parlance.db-wal" "$0"
exec "$@"
"""


class FileLimit(Victim):
    def fill(self) -> None:
        self._limit(1)

    def empty(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, bytes_: int) -> None:
        for pid in (self.master_pid(), self.worker_pid()):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (bytes_, resource.RLIM_INFINITY))


class SmallDisk(Victim):
    """Keys must be made before the start. What the test reads of the database is a copy."""

    def __init__(self, home: Path, **options: Any) -> None:
        super().__init__(home, **options)
        self.command = (*UNSHARE, MOUNT, self.database.parent, *self.command)

    @property
    def disk(self) -> Path:
        """The disk as seen from outside of its namespace."""
        return Path(f"/proc/{self.master_pid()}/root{self.database.parent.resolve()}")

    def fill(self) -> None:
        with (self.disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def empty(self) -> None:
        (self.disk / "filler").unlink()

    def make_read_only(self) -> None:
        """For whatever is opened from now on: Linux makes no disk read-only on which a file is open for writing."""
        self._enter('mount --bind "$0" "$0.made"; mount -o remount,bind,ro "$0.made"; mount --move "$0.made" "$0"')

    def make_writable(self) -> None:
        self._enter('umount --lazy "$0"')

    def _enter(self, commands: str) -> None:
        user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
        enter = ("nsenter", f"--target={self.master_pid()}", *user, "--mount", "sh", "-ec")
        subprocess.run([*enter, commands, self.database.parent.resolve()], check=True, capture_output=True)

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """SQLite follows the links of /proc, into this namespace, so it is given a copy."""
        with tempfile.TemporaryDirectory() as folder:
            copy = ServerRecords()
            copy.database = Path(folder) / "parlance.db"
            for name in ("parlance.db", "parlance.db-wal"):
                with suppress(FileNotFoundError):
                    shutil.copy(self.disk / name, Path(folder) / name)
            return copy.rows(query, *values)


DISKS = (pytest.param(SmallDisk, marks=pytest.mark.mounts), FileLimit)
