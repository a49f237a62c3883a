"""Files and folders of the operator's own, kept as they are."""

import glob
import hashlib
import os
from contextlib import closing
from pathlib import Path

from app.knowledge.documents import UnreadableError
from app.knowledge.files import matching_files
from app.knowledge.pages.kept import FILES, remove_file, write_whole
from app.knowledge.pages.outcome import Outcome, Progress
from app.knowledge.pages.sources import Source
from app.knowledge.reading.beside import Reader
from app.knowledge.reading.contents import contents
from app.knowledge.reading.endings import format_of


class OwnFiles:
    """One run over a source that is a file, or a folder with all files below it that can be read, as `Crawl` is over a
    site. A copy has its file's name, size and time of change, by which a later change is noticed; what is gone from a
    folder is removed. `folder` is the agent's. Raises OSError where a copy cannot be written."""

    def __init__(self, source: Source, folder: Path, progress: Progress) -> None:
        self.outcome = Outcome()
        self._source, self._folder, self._progress = source, folder, progress
        self._base = _base(source)

    def run(self) -> None:
        most = self._source.bounds.pages
        found = self._files()
        if len(found) > most:
            self.outcome.stopped = f"there are more than {most} files"
        with closing(Reader()) as reader:
            for done, file in enumerate(found[:most]):
                self._progress(str(file), done, min(len(found), most) - done)
                self._keep(file, reader)
        for address, copy in copies(self._folder, self._source):
            if self._source.kind == "folder" and self._base.is_dir() and not Path(address).exists():
                remove_file(copy)
                self.outcome.removed.append(address)

    def finish(self) -> None:
        """There is nothing left to do."""

    def _files(self) -> list[Path]:
        """The file, or the folder's files that are read; none that is hidden."""
        if self._source.kind == "file":
            return [Path(self._source.address)]
        files = map(Path, matching_files([f"{glob.escape(str(self._base))}/**/*"]))
        return [file for file in files if format_of(file) and not self._source.leaves_out(str(file))]

    def _keep(self, file: Path, reader: Reader) -> None:
        copy = _copies_folder(self._folder, self._source) / file.relative_to(self._base)
        draft = copy.with_name(f".{copy.name}")  # until it is known that it can be read
        try:
            state = _state(file)
            if state and state == _state(copy):
                self.outcome.unchanged.append(str(file))
                return
            write_whole(draft, contents(file))
            reader.read(str(draft))
            if state:
                os.utime(draft, ns=(state[1], state[1]))
            draft.replace(copy)
            self.outcome.written.append(str(file))
        except UnreadableError as error:
            self.outcome.skipped[str(file)] = str(error)
        finally:
            draft.unlink(missing_ok=True)


def copies(folder: Path, source: Source) -> list[tuple[str, Path]]:
    """Each file of the source by its own path, with its copy in the agent's folder; sorted."""
    kept = _copies_folder(folder, source)
    found = sorted(path for path in kept.rglob("*") if path.is_file() and not path.name.startswith("."))
    return [(str(_base(source) / path.relative_to(kept)), path) for path in found]


def _base(source: Source) -> Path:
    """The folder whose place the folder of copies takes."""
    place = Path(source.address)
    return place if source.kind == "folder" else place.parent


def _copies_folder(folder: Path, source: Source) -> Path:
    return folder / FILES / hashlib.sha256(source.address.encode()).hexdigest()[:12]


def _state(file: Path) -> tuple[int, int] | None:
    """By which a change is noticed."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
