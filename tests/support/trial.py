"""`make run-several`: two servers behind nginx with what they need, as config/try-several.sh starts them."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.keys import KEY
from support.nginx import Front

from app.testing.postgres import shared_postgres
from app.testing.server import ROOT, eventually


@dataclass
class Trial:
    """As it serves: what it has said, and what stands there."""

    said: str
    url: str
    process: subprocess.Popen[bytes]

    @property
    def folder(self) -> Path:
        return Path(re.findall(r"in (/tmp/parlance-several-\w+)", self.said)[0])

    @property
    def keys(self) -> dict[str, str]:
        """The first of each kind."""
        return {{"wk": "widget", "sk": "secret"}[key[:2]]: key for key in re.findall(KEY, self.said)}

    @property
    def password(self) -> str:
        """Of demo@example.com."""
        return re.findall(r"demo@example\.com, password (\S+)", self.said)[0]


@contextmanager
def trial(folder: Path) -> Iterator[Trial]:
    shared_postgres()  # or skips the test
    front, log = Front(), folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [ROOT / "config" / "try-several.sh"],
            env={**os.environ, "PORT": str(front.port)},
            stdout=out,
            stderr=out,
            process_group=0,  # Ctrl-C is for the tests
        )
    try:
        eventually(lambda: "Serving on" in log.read_text() or process.poll() is not None, 90)
        assert process.poll() is None, log.read_text()
        yield Trial(log.read_text(), front.url, process)
    finally:
        process.terminate()
        process.wait(60)
