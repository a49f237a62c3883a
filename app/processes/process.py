"""The worker's end of a child process.

A function may block or compute for ever, and Python can kill a process but not a thread. Besides, gevent's locks do not
work across native threads: a thread that writes to the log may block the worker (gevent 26.9).
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
    """A child process that answers calls, one at a time. It starts `module`, whose `main(parent_id)` calls `serve`
    (serving.py), with `env` and Python's module path as its environment."""

    def __init__(self, module: str, env: Mapping[str, str]) -> None:
        self._process: Any = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, module, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**env, "PYTHONPATH": os.pathsep.join(filter(None, [*sys.path, _ROOT]))},
            start_new_session=True,  # Ctrl-C is for the server alone; and a group can be killed as one
        )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def call(self, request: bytes) -> bytes:
        """The reply to the request. Raises OSError or EOFError where the process ends before it has replied."""
        self._process.stdin.write(len(request).to_bytes(4) + request)
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
        """Kill it and the processes that it has started, except those that have left its process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter on macOS, of one that has ended
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
