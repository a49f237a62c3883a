"""bench/load.mjs as a program that runs."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from contenders import Wire
from processes import ROOT


@dataclass(frozen=True)
class Load:
    """Callers, from the moment when their window opens."""

    process: subprocess.Popen[str]

    def figures(self) -> dict[str, Any]:
        """Of the window, whose end is waited for."""
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())


@contextmanager
def load(port: int, wire: Wire, headers: Mapping[str, str], **job: float) -> Iterator[Load]:
    """The streams stay open until the end."""
    asked = {"url": f"http://127.0.0.1:{port}{wire.path}", "headers": headers, "body": wire.body, "marker": wire.marker}
    command = ["node", "bench/load.mjs", json.dumps({**asked, **job})]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        yield Load(process)
        process.stdin.close()
