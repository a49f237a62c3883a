"""Builds the index of the files that match some patterns: in the worker's child process, or in a command's own."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from app.engine.texts import clean
from app.knowledge.building.files_state import FileState, digest_of, look, name_of, program_version, state_of
from app.knowledge.building.folder import IndexFolder, Report
from app.knowledge.building.kept import Kept
from app.knowledge.building.later import due, next_try
from app.knowledge.documents import Entry, UnreadableError
from app.knowledge.index.index import build as build_index
from app.knowledge.passages import cut
from app.knowledge.reading.beside import Reader

TRIES = 4  # of a file that changes while it is read
PAUSE_SECONDS = 0.5  # between them

Progress = Callable[[int, int, str], object]
"""Called with the number of files that have been read, of how many, and the path of the next one, "" behind the last:
before each, and now and then while something else takes time. What it raises ends the build."""


class BuildError(Exception):
    """Why there is no new index; for the operator. What was there before is as it was."""


def build(folder: IndexFolder, patterns: tuple[str, ...], progress: Progress = lambda *_: None) -> str:
    """The name of the index of the files as they are now, which is the newest one of the patterns then; "" where there
    are no files. It is built unless it is there already; files that have not changed are not read again, except those
    that could not be read for a reason that may pass, when they are due: the index of that name is replaced then.

    Waits while another process builds. Raises BuildError.
    """
    if not look(patterns):
        return ""
    try:
        with folder.locked(lambda: progress(0, 0, "")):
            files = look(patterns)
            name = name_of(files)
            report = folder.report_of_whole(name)
            if report is None:
                folder.discard(name)
            if report is None or due(report.again):
                folder.clean()  # first of all: what is left there may be what fills the disk
                _build(folder, name, files, progress)
            folder.point(patterns, name)
            folder.clean()
            return name
    except OSError as error:
        raise BuildError(problem_of(error, folder.path)) from error
    except sqlite3.Error as error:
        raise BuildError(f"{folder.path}: {error}") from error


def problem_of(error: OSError, folder: Path) -> str:
    """What the system refuses, in a line."""
    from app.store.faults import os_problem  # noqa: PLC0415 - SQLAlchemy, which each build would wait for

    error.filename = error.filename or folder  # writing to what is open names none
    return os_problem(error)


def _build(folder: IndexFolder, name: str, files: Sequence[FileState], progress: Progress) -> None:
    documents = folder.path / "documents.kept"
    with folder.draft(name) as draft, closing(Kept(documents)) as kept, closing(Reader()) as reader:
        folder.give(documents)
        work = _Work(kept, reader, files, progress)
        build_index(draft / "index", work.entries())
        progress(len(files), len(files), "")
        folder.write_report(draft, Report(len(files), work.passages, work.problems, work.again))


class _Work:
    """Reads the files, one after the other. `problems`, `passages` and `again` are known once `entries` has ended."""

    def __init__(self, kept: Kept, reader: Reader, files: Sequence[FileState], progress: Progress) -> None:
        self.problems: list[tuple[FileState, str]] = []
        self.passages = 0
        self.again: float | None = None  # as in Report
        self._kept, self._reader, self._files, self._progress = kept, reader, files, progress

    def entries(self) -> Iterator[Entry]:
        for number, (path, *_) in enumerate(self._files):
            self._progress(number, len(self._files), path)
            try:
                entries = self._entries_of(path)
            except UnreadableError as error:
                self.problems.append((state_of(path), str(error)))
                continue
            except FileNotFoundError:
                continue  # it has vanished, and the next look will notice
            for each in entries:
                self.passages += 1
                yield each
        self._kept.save()

    def _entries_of(self, path: str) -> list[Entry]:
        """What the file holds. Raises UnreadableError, BuildError, and FileNotFoundError where it is gone."""
        for _ in range(TRIES):
            state = state_of(path)
            key = program_version() + digest_of(state)
            kept = self._kept.get(key)
            known = None if kept is None else orjson.loads(kept)
            if known is not None and not (isinstance(known, dict) and due(known["again"])):
                return self._read_again(known)
            outcome = self._read(path, known["tries"] if known else 0)
            if state_of(path) == state:
                self._kept.put(key, outcome)
                return self._read_again(orjson.loads(outcome))
            time.sleep(PAUSE_SECONDS)
        raise BuildError(f"{path}: it changes while it is read")

    def _read(self, path: str, tries: int) -> bytes:
        """The file's passages as JSON, or why it cannot be read. It has been tried so many times before."""
        try:
            return orjson.dumps(list(cut(self._reader.read(path))))
        except UnreadableError as error:
            again = next_try(tries) if error.passing else None
            return orjson.dumps({"unreadable": clean(str(error)), "tries": tries + 1, "again": again})

    def _read_again(self, outcome: Any) -> list[Entry]:
        if isinstance(outcome, dict):
            if again := outcome["again"]:
                self.again = min(again, self.again or again)
            raise UnreadableError(outcome["unreadable"])
        return [Entry(**{**each, "headings": tuple(each["headings"])}) for each in outcome]
