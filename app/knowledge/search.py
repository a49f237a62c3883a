"""Search in the documents that an agent may answer from."""

import logging
import tempfile
from pathlib import Path

import gevent
from gevent.threadpool import ThreadPool

from app.engine.agent import Agent
from app.engine.prompt import Passage
from app.knowledge.files import matching_files
from app.knowledge.index.index import CONFIDENT, Hit, Index, build
from app.knowledge.passages import cut
from app.knowledge.reading import read

log = logging.getLogger(__name__)

MOST_PASSAGES = 3
MOST_QUERY = 1000  # characters of a query; of a longer question its beginning is looked for
SECONDS = 5.0  # for a search, reading changed files included


class _Knowledge:
    """The passages of the files that match some glob patterns; read anew when the files change. Not thread-safe."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns
        self._indexed: list[tuple[str, int, int]] = []  # path, time of change (ns) and size (bytes) of each file
        self._index: Index | None = None

    def search(self, query: str) -> list[Passage]:
        """At most MOST_PASSAGES, best first. Raises OSError where a file cannot be read."""
        return [_passage(hit) for hit in self._up_to_date().search(query, MOST_PASSAGES)]

    def _up_to_date(self) -> Index:
        """The index, built anew if a file has been added, removed or changed."""
        paths = matching_files(self._patterns)
        files = [(path, status.st_mtime_ns, status.st_size) for path in paths for status in [Path(path).stat()]]
        if self._index is None or files != self._indexed:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "index"
                build(file, [entry for path in paths for entry in cut(read(Path(path)))])
                self._index, self._indexed = Index(file), files
        return self._index


def _passage(hit: Hit) -> Passage:
    entry = hit.entry
    title = " > ".join(entry.headings) or entry.source
    return Passage(entry.source, title, entry.text, entry.url, hit.confidence >= CONFIDENT)


class KnowledgeSearch:
    """Implements the engine's `Knowledge` port with an index for each agent.

    All are used from one native thread: reading files and searching would hold up the other greenlets.
    """

    def __init__(self) -> None:
        self._of_patterns: dict[tuple[str, ...], _Knowledge] = {}
        self._thread = ThreadPool(1)

    def search(self, agent: Agent, query: str) -> list[Passage]:
        """Empty after SECONDS: an answer without knowledge is better than none. Raises OSError."""
        knowledge = self._of_patterns.setdefault(agent.knowledge, _Knowledge(agent.knowledge))
        try:
            with gevent.Timeout(SECONDS):
                passages: list[Passage] = self._thread.apply(knowledge.search, (query[:MOST_QUERY],))
        except gevent.Timeout:
            log.warning("knowledge was not found in time", extra={"agent": agent.id})
            return []
        return passages
