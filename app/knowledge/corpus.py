"""The files that some patterns match, and which index of them is in use."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic, time

from gevent.event import Event

from app.knowledge.building.files_state import FileState
from app.knowledge.building.folder import Report
from app.knowledge.building.later import due_in
from app.knowledge.index.index import Index
from app.knowledge.vectors import Vectors

QUIET_SECONDS = 1.0  # since the latest change of a file, before an index is built in the place of another
NEVER_QUIET_SECONDS = 5.0  # after which it is built all the same
FIRST_PAUSE_SECONDS = 5.0  # after a failure; twice as long after each further one
LONGEST_PAUSE_SECONDS = 600.0
GONE_PAUSE_SECONDS = 60.0  # after one that was built since somebody had removed it: another server may be at it


class Tries:
    """Of something that may fail and is tried again, less and less often."""

    def __init__(self) -> None:
        self._not_before = 0.0  # seconds of the monotonic clock
        self._failures = 0  # in a row
        self._reason = ""  # of the last failure

    def due_in(self) -> float:
        """Seconds until the next try; 0 where it may be now."""
        return max(self._not_before - monotonic(), 0.0)

    def succeeded(self, pause: float = 0.0) -> None:
        self._failures, self._reason = 0, ""
        self._not_before = monotonic() + pause

    def failed(self, reason: str) -> bool:
        """Whether that is news."""
        self._not_before = monotonic() + min(FIRST_PAUSE_SECONDS * 2**self._failures, LONGEST_PAUSE_SECONDS)
        self._failures += 1
        is_news, self._reason = reason != self._reason, reason
        return is_news

    def hope(self) -> None:
        """Something has changed, which may be what helps: the next try after a failure need not wait for long."""
        if self._failures:
            self._not_before = min(self._not_before, monotonic() + FIRST_PAUSE_SECONDS)


@dataclass(slots=True)
class OpenIndex:
    """An index that is in use, by all agents that have the same files."""

    name: str
    index: Index
    report: Report


@dataclass(frozen=True, slots=True)
class InUse:
    """What questions are looked for in: an index, and the vectors of its entries, of all where they are `complete`;
    None where there are none, or none yet."""

    open: OpenIndex
    vectors: Vectors | None = None
    complete: bool = False


@dataclass(slots=True)
class Corpus:
    """- `embeddings`: the name of the model by which it is searched for meaning too; "" where there is none.
    - `files`, `wanted`: as they were seen last, and the name of their index; "" where there are none.
    - `in_use`: which may be of an earlier state; None where there is none.
    - `gone`: whether the index in use is no longer on the disk.
    - `doubted`: whether the model still is the one that has made the vectors is to be found out.
    - `ready`: set when questions need not wait any more: there is an index, nothing to index, or it has failed.
    """

    patterns: tuple[str, ...]
    embeddings: str = ""
    agents: set[str] = field(default_factory=set)
    files: Sequence[FileState] | None = None
    wanted: str = ""
    in_use: InUse | None = None
    gone: bool = False
    doubted: bool = False
    ready: Event = field(default_factory=Event)
    told_of_waiting: bool = False
    looking: Tries = field(default_factory=Tries)
    building: Tries = field(default_factory=Tries)
    embedding: Tries = field(default_factory=Tries)
    _quiet_by: float = 0.0  # seconds of the monotonic clock

    @property
    def name(self) -> str:
        return self.in_use.open.name if self.in_use else ""

    def seen(self, files: Sequence[FileState], wanted: str) -> None:
        """The files are other ones, or have changed."""
        if self.wanted == self.name:
            self._quiet_by = monotonic() + NEVER_QUIET_SECONDS
        self.files, self.wanted = files, wanted
        self.building.hope()

    def build_due_in(self) -> float:
        """Seconds until the next index is to be built, or the one in use anew since a file of it may be read now, or it
        is gone; infinite where there is nothing to do."""
        if self.wanted == self.name and not self.gone:
            again = self.in_use.open.report.again if self.in_use else None
            return max(due_in(again), self.building.due_in())
        pause = self.building.due_in()
        if self.in_use and self.files and monotonic() < self._quiet_by:
            since = time() - max(changed for _, changed, *_ in self.files) / 1e9
            if 0 <= since < QUIET_SECONDS:  # what is in the future is no change of now
                pause = max(pause, QUIET_SECONDS - since)
        return pause

    def built(self, seconds: float) -> None:
        """It took so long, and for as long nothing is built: where files change all the time, half of it at most."""
        self.building.succeeded(max(seconds, GONE_PAUSE_SECONDS if self.gone else 0.0))
        self._quiet_by = monotonic() + NEVER_QUIET_SECONDS  # files may have changed meanwhile

    def embed_due_in(self) -> float:
        """The same for vectors of the index that is in use."""
        wanted = self.embeddings and self.in_use and (self.doubted or not self.in_use.complete)
        return self.embedding.due_in() if wanted else math.inf
