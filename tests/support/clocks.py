"""A wall clock of a server's own, which can be set while it runs; its monotonic clock is left alone."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Self

import pytest
import requests

from app.testing.server import Server

_LIBRARIES = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")]


class Clock:
    """Of a server that has `env` in its environment."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.env: Mapping[str, str] = {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",  # seconds; without it the file is opened for each look at any clock
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else threads wait too long for Python's interpreter lock
            "NO_FAKE_STAT": "1",  # gunicorn compares the time of a file with the monotonic clock
        }
        self.step(0)

    @classmethod
    def at(cls, file: Path) -> Self | None:
        """None where libfaketime is missing."""
        return cls(file) if _LIBRARIES else None

    def step(self, seconds: int) -> None:
        """Set it so many seconds off, at once: the server's processes read the file each time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file)


def needed(clock: Clock | None) -> Clock:
    """Skips the test without one."""
    if clock is None:
        pytest.skip("libfaketime not installed")
    return clock


def ahead(server: Server) -> float:
    """By how many seconds the server's clock is ahead of ours."""
    shown = parsedate_to_datetime(requests.get(f"{server.url}/health", timeout=5).headers["Date"])
    return shown.timestamp() - time.time()
