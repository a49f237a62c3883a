"""The files that some patterns match, and which index of them is in use."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic, time

from gevent.event import Event

from app.knowledge.building.files_state import FileState
from app.knowledge.building.folder import Report
from app.knowledge.index.index import Index

QUIET_SECONDS = 1.0  # since the latest change of a file, before an index is built in the place of another
NEVER_QUIET_SECONDS = 5.0  # after which it is built all the same
FIRST_PAUSE_SECONDS = 5.0  # after a build that failed; twice as long after each further one
LONGEST_PAUSE_SECONDS = 600.0
_MOST_OF_THE_TIME = 5  # after a build, nothing is built for so many times as long as it took


@dataclass(slots=True)
class OpenIndex:
    """An index that is in use, by all agents that have the same files."""

    name: str
    index: Index
    report: Report


@dataclass(slots=True)
class Corpus:
    """- `files`, `wanted`: as they were seen last, and the name of their index; "" where there are none.
    - `open`: the index that is in use, which may be of an earlier state; None where there is none.
    - `ready`: set when questions need not wait any more: there is an index, nothing to index, or it has failed.
    """

    patterns: tuple[str, ...]
    agents: set[str] = field(default_factory=set)
    files: Sequence[FileState] | None = None
    wanted: str = ""
    open: OpenIndex | None = None
    ready: Event = field(default_factory=Event)
    told_of_waiting: bool = False
    _not_before: float = 0.0  # seconds of the monotonic clock, as the next one
    _quiet_by: float = 0.0
    _failures: int = 0  # in a row
    _reason: str = ""  # of the last failure

    @property
    def name(self) -> str:
        return self.open.name if self.open else ""

    def seen(self, files: Sequence[FileState], wanted: str) -> None:
        """The files are other ones, or have changed; what failed before may go well now."""
        now = monotonic()
        if self.wanted == self.name:
            self._quiet_by = now + NEVER_QUIET_SECONDS
        self.files, self.wanted = files, wanted
        self._not_before = min(self._not_before, now + FIRST_PAUSE_SECONDS)

    def due_in(self) -> float:
        """Seconds until the next index is to be built; infinite where there is nothing to do."""
        if self.wanted == self.name:
            return math.inf
        now = monotonic()
        pause = self._not_before - now
        if self.open and self.files and now < self._quiet_by:
            since = time() - max(changed for _, changed, _ in self.files) / 1e9
            if 0 <= since < QUIET_SECONDS:  # what is in the future is no change of now
                pause = max(pause, QUIET_SECONDS - since)
        return max(pause, 0.0)

    def built(self, seconds: float) -> None:
        self._failures, self._reason = 0, ""
        self._not_before = monotonic() + _MOST_OF_THE_TIME * seconds

    def failed(self, reason: str) -> bool:
        """Whether that is news."""
        self._not_before = monotonic() + min(FIRST_PAUSE_SECONDS * 2**self._failures, LONGEST_PAUSE_SECONDS)
        self._failures += 1
        is_news, self._reason = reason != self._reason, reason
        return is_news
