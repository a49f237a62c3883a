"""Files that cannot be read for a moment, as on a machine that has too much to do."""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import orjson

from app.knowledge.building.folder import IndexFolder
from app.testing.server import eventually


def readers() -> list[int]:
    """The child processes of this one in which files are read."""
    children = [
        int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()
    ]
    return [pid for pid in children if b"knowledge.reading" in _command(pid)]


def _command(pid: int) -> bytes:
    """Empty of a process that has ended meanwhile, be it another test's."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextmanager
def first_file_killed() -> Iterator[None]:
    """The process that reads the first file in the block dies of something else."""
    thread = threading.Thread(target=lambda: os.kill(eventually(readers, 30)[0], signal.SIGKILL))
    thread.start()
    yield
    thread.join()


def make_due(folder: IndexFolder, name: str) -> None:
    """As if the time had passed after which files are tried again."""
    report = folder.path / name / "report.json"
    report.write_bytes(orjson.dumps({**orjson.loads(report.read_bytes()), "again": [1.0, 60.0]}))
    with closing(sqlite3.connect(folder.path / "documents.kept")) as table, table:
        for key, value in table.execute("SELECT key, value FROM kept").fetchall():
            state, outcome = value[:32], orjson.loads(value[32:])
            if isinstance(outcome, dict):
                new = state + orjson.dumps({**outcome, "again": [1.0, 60.0]})
                table.execute("UPDATE kept SET value = ? WHERE key = ?", (new, key))
