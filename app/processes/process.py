"""The worker's end of a process beside it.

A function may block, or compute for ever, and Python cannot end a thread; a process it can. Nor do gevent's locks pass
between native threads: one that writes into the log may stop the worker (gevent 26.9).
"""

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gevent import subprocess

_ROOT = str(Path(__file__).parents[2])  # where the package `app` is
_START = "import sys; from importlib import import_module; import_module(sys.argv[1]).main(int(sys.argv[2]))"


class Process:
    """One that takes calls, one after the other. `module` has a `main` that serves them (child.py); `env` is its
    environment, beside where Python finds its modules."""

    def __init__(self, module: str, env: Mapping[str, str]) -> None:
        self._process: Any = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, module, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**env, "PYTHONPATH": os.pathsep.join(filter(None, [*sys.path, _ROOT]))},
            start_new_session=True,  # Ctrl-C is the server's to deal with; and what it starts can be killed with it
        )

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def call(self, asked: bytes) -> bytes:
        """Raises OSError or EOFError where it ends instead."""
        self._process.stdin.write(len(asked).to_bytes(4) + asked)
        self._process.stdin.flush()
        return self._read(int.from_bytes(self._read(4)))

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece: bytes = self._process.stdout.read(size - len(data))
            if not piece:
                raise EOFError("the process has ended")
            data += piece
        return data

    def kill(self) -> None:
        """And all that it has started, unless that has made itself independent."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter on macOS, of one that has ended
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
