"""Builds the index of the files that match some patterns: in the worker's child process, or in a command's own."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from app.engine.texts import clean
from app.knowledge.building.files_state import FileState, digest_of, look, name_of, program_version, state_of
from app.knowledge.building.folder import IndexFolder, Report
from app.knowledge.building.kept import Kept
from app.knowledge.building.later import Again, due, next_try
from app.knowledge.documents import Entry, UnreadableError
from app.knowledge.index.index import build as build_index
from app.knowledge.passages import cut
from app.knowledge.reading.beside import Reader

TRIES = 4  # of a file that changes while it is read
PAUSE_SECONDS = 0.5  # between them
SAVE_SECONDS = 5.0  # after which what was read is kept, whatever becomes of the build

Progress = Callable[[int, int, str], object]
"""Called with the number of files that have been read, of how many, and the path of the next one, "" behind the last:
before each, and now and then while something else takes time. What it raises ends the build."""


class BuildError(Exception):
    """Why there is no new index; for the operator. What was there before is as it was."""


def build(folder: IndexFolder, patterns: tuple[str, ...], progress: Progress = lambda *_: None) -> str:
    """The name of the index of the files as they are now, which is the newest one of the patterns then; "" where there
    are no files. It is built unless it is there already; files that have not changed are not read again, except those
    that could not be read for a reason that may pass, when they are due: the index of that name is replaced then. Of
    files that change or vanish meanwhile, the index has the name that belongs to what was read.

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
                name = _build(folder, files, progress)
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


def _build(folder: IndexFolder, files: Sequence[FileState], progress: Progress) -> str:
    documents = folder.path / "documents.kept"
    with closing(Kept(documents)) as kept, closing(Reader()) as reader:
        folder.give(documents)
        work = _Work(kept, reader, files, progress)
        with folder.draft(work.name) as draft:
            build_index(draft / "index", work.entries())
            progress(len(files), len(files), "")
            folder.write_report(draft, Report(len(work.states), work.passages, work.problems, work.again))
    return work.name()


class _Work:
    """Reads the files, one after the other. All else is known once `entries` has ended: `states` are those in which the
    files were read, without those that had gone."""

    def __init__(self, kept: Kept, reader: Reader, files: Sequence[FileState], progress: Progress) -> None:
        self.states: list[FileState] = []
        self.problems: list[tuple[FileState, str]] = []
        self.passages = 0
        self.again: Again | None = None  # as in Report
        self._kept, self._reader, self._files, self._progress = kept, reader, files, progress

    def name(self) -> str:
        """Of the index of what was read."""
        return name_of(self.states)

    def entries(self) -> Iterator[Entry]:
        saved = time.monotonic()
        for number, (path, *_) in enumerate(self._files):
            self._progress(number, len(self._files), path)
            for each in self._entries_of(path):
                self.passages += 1
                yield each
            if time.monotonic() - saved > SAVE_SECONDS:
                self._kept.save()
                saved = time.monotonic()
        self._kept.save()

    def _entries_of(self, path: str) -> Iterator[Entry]:
        """What the file holds; nothing where it is gone or cannot be read. Raises BuildError."""
        read = self._outcome_of(path)
        if read is None:
            return
        state, outcome = read
        self.states.append(state)
        if isinstance(outcome, dict):
            self.problems.append((state, outcome["unreadable"]))
            if again := outcome["again"]:
                self.again = min(again, self.again or again)
            return
        for each in outcome:
            yield Entry(**{**each, "headings": tuple(each["headings"])})

    def _outcome_of(self, path: str) -> tuple[FileState, Any] | None:
        """The file's state, and what `_read` has made of it in that state, now or before; None where it is gone."""
        key = (
            program_version() + sha256(os.fsencode(path)).digest()
        )  # one value for each file, however often it changes
        for _ in range(TRIES):
            state = _state(path)
            if state is None:
                return None
            digest, kept = digest_of(state), self._kept.get(key) or b""
            known = orjson.loads(kept.removeprefix(digest)) if kept.startswith(digest) else None
            if known is not None and not (isinstance(known, dict) and due(known["again"])):
                return state, known
            outcome = self._read(path, known["tries"] if known else 0)
            if _state(path) == state:
                self._kept.put(key, digest + outcome)
                return state, orjson.loads(outcome)
            time.sleep(PAUSE_SECONDS)
        raise BuildError(f"{path}: it changes while it is read")

    def _read(self, path: str, tries: int) -> bytes:
        """The file's passages as JSON, or why it cannot be read. It has been tried so many times before."""
        try:
            return orjson.dumps(list(cut(self._reader.read(path))))
        except UnreadableError as error:
            again = next_try(tries) if error.passing else None
            return orjson.dumps({"unreadable": clean(str(error)), "tries": tries + 1, "again": again})


def _state(path: str) -> FileState | None:
    """None where it is gone, or where it is may not be looked at any more."""
    try:
        return state_of(path)
    except OSError:
        return None
