"""Values that took long to make, kept from one build to the next."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

DAYS = 30  # after which a value that no build has asked for is dropped
_SECONDS_A_DAY = 86_400


class Kept:
    """A file of values by keys, both bytes. Used within the folder's lock; one that is damaged begins anew.

    Raises OSError and sqlite3.Error where the disk is full or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._today = int(time.time() // _SECONDS_A_DAY)
        try:
            self._table = self._open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            for end in ("", "-wal", "-shm"):
                Path(f"{path}{end}").unlink(missing_ok=True)
            self._table = self._open(path)

    def get(self, key: bytes) -> bytes | None:
        row = self._table.execute("SELECT value, used FROM kept WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        if row[1] != self._today:
            self._table.execute("UPDATE kept SET used = ? WHERE key = ?", (self._today, key))
        value: bytes = row[0]
        return value

    def put(self, key: bytes, value: bytes) -> None:
        self._table.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (key, self._today, value))

    def clear(self) -> None:
        self._table.execute("DELETE FROM kept")

    def save(self) -> None:
        self._table.commit()

    def close(self) -> None:
        """Save, and drop what has not been used for DAYS."""
        with closing(self._table):
            self._table.execute("DELETE FROM kept WHERE used < ?", (self._today - DAYS,))
            self._table.commit()

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        table = sqlite3.connect(path, timeout=30)
        try:
            table.execute("PRAGMA synchronous = NORMAL")
            table.execute(
                "CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, used INTEGER NOT NULL, value BLOB NOT NULL)"
            )
        except BaseException:
            table.close()
            raise
        return table
