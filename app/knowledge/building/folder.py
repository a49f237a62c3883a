"""The indexes on disk, in `knowledge/indexes` of the home folder.

    NAME/index        an index, named after what it was made of (files_state.py)
    NAME/report.json  what became of the files that it was made of, and a digest of the index
    NAME/MODEL.vectors  the vectors of its entries, by an embedding model; MODEL.part where some are missing
    KEY.current       for the patterns that KEY stands for: the name of the newest index
    documents.kept    what readers made of files (kept.py)
    MODEL.kept        what an embedding model made of texts
    CACHEDIR.TAG      by which patterns of knowledge, and programs for backups, pass the folder over
    lock              held while an index is built, or removed
    MODEL.lock        held while texts are embedded

All of it can be made anew, so no backup has it. Workers, and commands beside them, use the folder at once: whatever has
its name is whole and never changed, only replaced; so are pointers, in one step; and what is removed while it is in use
stays readable for those who have it open.
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

import orjson

from app.engine.texts import clean
from app.knowledge.building.files_state import FileState
from app.knowledge.building.later import Again
from app.knowledge.files import CACHE_TAG
from app.store.locks import try_lock

_POLL_SECONDS = 0.1
_NAME = re.compile("[0-9a-f]{32}")
_DRAFT = "new-"
_TAG = """Signature: 8a477f597d28d172789f06886806bc55
# Parlance's indexes of knowledge, which can be made anew. See https://bford.info/cachedir/
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the files of an index.

    - `problems`: each file that could not be read, and why.
    - `again`: when the first of those is due that may be read at another time (later.py); None without any.
    """

    files: int
    passages: int
    problems: Sequence[tuple[FileState, str]]
    again: Again | None = None


def key_of(patterns: tuple[str, ...]) -> str:
    return sha256("\0".join(patterns).encode("utf-8", "surrogateescape")).hexdigest()[:32]


class IndexFolder:
    """The folder below `home`; made when something is first built."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.path = home / "knowledge" / "indexes"

    def has(self, name: str) -> bool:
        return (self.path / name / "report.json").exists()

    def report_of_whole(self, name: str) -> Report | None:
        """None where it is not there as it was written, of which all is read for that."""
        with suppress(OSError, ValueError):
            return self.report(name)
        return None

    def index_file(self, name: str) -> Path:
        return self.path / name / "index"

    def report(self, name: str) -> Report:
        """Raises OSError, and ValueError where the index is not as it was written."""
        read = orjson.loads((self.path / name / "report.json").read_bytes())
        try:
            problems = [(tuple(state), reason) for *state, reason in read["problems"]]
            digest, report = read["digest"], Report(read["files"], read["passages"], problems, read["again"])
        except (KeyError, TypeError) as error:
            raise ValueError("its report is none") from error
        if digest != _digest(self.index_file(name)):
            raise ValueError("it is not as it was written")
        return report

    def current(self, patterns: tuple[str, ...]) -> str | None:
        """The name of the newest index of these patterns, where there is one."""
        with suppress(OSError, ValueError):
            name = self._pointer(patterns).read_text(encoding="ascii")
            if _NAME.fullmatch(name) and self.has(name):
                return name
        return None

    def point(self, patterns: tuple[str, ...], name: str) -> None:
        """Make this the newest index of the patterns. Raises OSError."""
        if self.current(patterns) == name:
            return
        descriptor, draft = tempfile.mkstemp(prefix=_DRAFT, dir=self.path)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(name)
        self.give(Path(draft))
        Path(draft).replace(self._pointer(patterns))

    def discard(self, name: str) -> None:
        """Remove an index, such as one that turned out to be damaged, or what somebody has put in its place."""
        shutil.rmtree(self.path / name, ignore_errors=True)
        with suppress(OSError):
            (self.path / name).unlink()

    @contextmanager
    def locked(self, waiting: Callable[[], object] = lambda: None, name: str = "lock") -> Iterator[None]:
        """Wait until no other process has this lock, calling `waiting` again and again, and hold it for the block.
        Raises OSError."""
        if not self.path.exists():
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.give(self.path.parent, self.path)
        self._tag()
        while (descriptor := try_lock(self.path / name)) is None:
            waiting()
            time.sleep(_POLL_SECONDS)
        try:
            self.give(self.path / name)
            yield
        finally:
            os.close(descriptor)

    def _tag(self) -> None:
        tag = self.path / CACHE_TAG
        if not (tag.exists() and tag.stat().st_size):  # the disk may have been full
            tag.write_text(_TAG, encoding="ascii")
            self.give(tag)

    @contextmanager
    def draft(self, name: Callable[[], str]) -> Iterator[Path]:
        """A folder to make the index in, within `locked`; it is on the disk and has its name after the block, in
        the place of one that had it, and is gone where that raises. The name is asked for at the end."""
        folder = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.path))
        try:
            yield folder
            for file in folder.iterdir():
                self.give(file)
                _sync(file)
            self.give(folder)
            _sync(folder)
            self.discard(name())  # who has it open can read on
            folder.rename(self.path / name())
            _sync(self.path)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def write_report(self, draft: Path, report: Report) -> None:
        problems = [
            [clean(os.fsencode(path).decode(errors="replace")), *state, reason]
            for (path, *state), reason in report.problems
        ]
        digest = _digest(draft / "index")
        written = {"files": report.files, "passages": report.passages, "problems": problems, "again": report.again}
        (draft / "report.json").write_bytes(orjson.dumps({**written, "digest": digest}))

    def clean(self) -> None:
        """Remove, within `locked`, the indexes that are no longer the newest ones, and what broken builds have left."""
        pointed = {self._target(pointer) for pointer in self.path.glob("*.current")}
        for entry in self.path.iterdir():
            if entry.name.startswith(_DRAFT) or (_NAME.fullmatch(entry.name) and entry.name not in pointed):
                if entry.is_dir():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)

    def forget_others(self, sets: Collection[tuple[str, ...]]) -> None:
        """Forget which indexes are the newest ones of other patterns than these; `clean` removes them then."""
        known = {self._pointer(patterns) for patterns in sets}
        for pointer in self.path.glob("*.current"):
            if pointer not in known:
                pointer.unlink(missing_ok=True)

    def give(self, *paths: Path) -> None:
        """What root makes belongs to the owner of the home folder, who would be kept out of it otherwise."""
        if os.geteuid() == 0:
            owner = self._home.stat()
            for path in paths:
                os.chown(path, owner.st_uid, owner.st_gid)

    def _pointer(self, patterns: tuple[str, ...]) -> Path:
        return self.path / f"{key_of(patterns)}.current"

    @staticmethod
    def _target(pointer: Path) -> str:
        with suppress(OSError, ValueError):
            return pointer.read_text(encoding="ascii")
        return ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
