"""The files in which the workers of one server count, and which any of them reads.

They are prometheus_client's: `TYPE_SLOT.db`, mapped into the worker's memory, so that what it has counted outlives it,
however it ends. Its own names have the process's id; here it is a slot's number, the lowest that no worker has. So a
worker goes on with the counters of an earlier one, and there are no more files than there were workers at a time.
"""

import os
import shutil
from pathlib import Path

from app.store.database import beside_database
from app.store.locks import try_lock

COUNTERS = ("counter", "histogram")
GAUGES = ("gauge_livesum", "gauge_livemin", "gauge_livemax")
COUNTER_BYTES, GAUGE_BYTES = 1 << 20, 1 << 16
"""Written when a worker begins: where the disk is full, a page that is new in memory ends the process (SIGBUS). A
mebibyte holds some 5,000 values; the library doubles a file that has no more room."""


def folder_of(database_url: str, home: Path) -> Path:
    """The folder of the server of this database."""
    return beside_database(database_url, home, "workers") / "metrics"


def clear(folder: Path) -> None:
    """For a master that starts. Raises OSError."""
    if folder.exists():
        shutil.rmtree(folder)


def take_slot(folder: Path) -> int:
    """A slot that is this process's until it ends, with its counters as they were left and no gauges. Raises
    OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    slot = 1
    while (lock := try_lock(folder / f"{slot}.lock")) is None:
        slot += 1
    try:
        _drop_gauges(folder, slot)
        for names, size in ((COUNTERS, COUNTER_BYTES), (GAUGES, GAUGE_BYTES)):
            for name in names:
                _make_room(folder / f"{name}_{slot}.db", size)
    except OSError:
        os.close(lock)
        raise
    return slot


def drop_dead(folder: Path) -> None:
    """Remove the gauges of slots whose workers have ended. Raises OSError."""
    for path in folder.glob("*.lock"):
        lock = try_lock(path)
        if lock is not None:
            _drop_gauges(folder, int(path.stem))
            os.close(lock)


def _drop_gauges(folder: Path, slot: int) -> None:
    for name in GAUGES:
        (folder / f"{name}_{slot}.db").unlink(missing_ok=True)


def _make_room(path: Path, size: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(bytes(max(size - os.fstat(descriptor).st_size, 0)))
