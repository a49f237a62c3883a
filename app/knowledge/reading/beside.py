"""Reads files in a child process, where a damaged or hostile one can do no harm."""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from time import monotonic
from typing import Any

import gevent
import orjson

from app.knowledge.documents import Document, Section, UnreadableError
from app.processes.process import Process

SECONDS = 60.0  # for a file


def documents(paths: Iterable[str]) -> Iterator[tuple[str, Document | UnreadableError]]:
    """Each path in turn, with its document, or the reason why it cannot be read.

    A process as `Reader` has it ends when the iterator is closed. Raises OSError where none can be started.
    """
    with closing(Reader()) as reader:
        for path in paths:
            try:
                yield path, reader.read(path)
            except UnreadableError as error:
                yield path, error


class Reader:
    """Reads files, one after the other, in one child process with bounded memory and `seconds` for each file. It is
    started when there is something to read. Where a file takes longer, or the process dies of it, the next has a new
    one. The process runs `module`, whose `main` calls `answer_requests` (process_main.py)."""

    def __init__(self, module: str = "app.knowledge.reading.process_main", seconds: float = SECONDS) -> None:
        self._module, self._seconds = module, seconds
        self._process: Process | None = None

    def read(self, path: str) -> Document:
        """Raises UnreadableError, and OSError where no process can be started."""
        return _document(self.ask(os.fsencode(path)))

    def ask(self, request: bytes) -> Any:
        """What the process replies to a request of its own kind. Raises as `read`."""
        if self._process is None:
            self._process = Process(self._module, {})  # nothing of the server's environment
        started = monotonic()
        try:
            with gevent.Timeout(self._seconds):
                reply = orjson.loads(self._process.call(request))
        except gevent.Timeout as error:
            self.close()
            raise UnreadableError(f"reading it takes longer than {self._seconds:g} seconds", passing=True) from error
        except (EOFError, OSError) as error:
            self.close()
            seconds = monotonic() - started
            reason = f"the process that read it ended after {seconds:.1f} seconds"
            raise UnreadableError(reason, passing=True) from error
        except BaseException:
            self.close()
            raise
        if "unreadable" in reply:
            raise UnreadableError(reply["unreadable"], passing=reply["passing"])
        return reply["document"]

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process = None


def _document(value: dict[str, Any]) -> Document:
    sections = tuple(Section(**{**each, "headings": tuple(each["headings"])}) for each in value["sections"])
    return Document(**{**value, "sections": sections})
