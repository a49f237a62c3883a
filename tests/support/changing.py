"""A file that changes between any two looks into it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def changing(path: Path, added: bytes) -> Iterator[None]:
    """Something is added to it at each read by this thread: no other writer is sure to come in between."""
    with path.open("ab", buffering=0) as file:

        def add(_frame, _event: str, called) -> None:
            if called is os.read:
                file.write(added)

        sys.setprofile(add)
        try:
            yield
        finally:
            sys.setprofile(None)
