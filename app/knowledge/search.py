"""Search in the documents that an agent may answer from."""

import logging
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from app.engine.agent import Agent
from app.engine.prompt import Passage
from app.knowledge.building.builder import Builder
from app.knowledge.building.files_state import FileState, look, name_of
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import BuildError
from app.knowledge.corpus import Corpus, OpenIndex
from app.knowledge.index.index import CONFIDENT, Hit, Index

log = logging.getLogger(__name__)

MOST_PASSAGES = 3
MOST_QUERY = 1000  # characters of a query; of a longer question its beginning is looked for
SECONDS = 5.0  # for a search, and for the first index to be there
LOOK_SECONDS = 2.0  # between two looks at the files
_MOST_OF_THE_TIME = 50  # looking takes at most one part of so many of the time, however many files there are


class KnowledgeSearch:
    """Implements the engine's `Knowledge` port with an index for each set of files, kept in the home folder (in a
    temporary one without `home`).

    The files are looked at every LOOK_SECONDS. Where they have changed, an index is built beside the one in use, by a
    child process, and takes its place when it is ready. Searching is done in one native thread and looking in another;
    neither logs, since gevent's locks do not pass between threads.
    """

    def __init__(self, home: Path | None = None) -> None:
        if home is None:
            home = Path(tempfile.mkdtemp())
            weakref.finalize(self, shutil.rmtree, home, ignore_errors=True)
        self._folder = IndexFolder(home)
        self._builder = Builder(home)
        self._corpora: dict[tuple[str, ...], Corpus] = {}  # by patterns
        self._open: dict[str, OpenIndex] = {}  # by name
        self._told: set[object] = set()  # problems of files
        self._searching, self._looking = ThreadPool(1), ThreadPool(1)
        self._woken = Event()
        self._greenlet: Any = None

    def start(self, agents: Iterable[Agent]) -> None:
        """Have the indexes of these agents ready, and forget those of all others."""
        for agent in agents:
            self._corpus_of(agent)
        with suppress(OSError):
            self._looking.apply(self._folder.forget_others, (list(self._corpora),))

    def close(self) -> None:
        """End looking and building."""
        if self._greenlet:
            self._greenlet.kill()

    def search(self, agent: Agent, query: str) -> list[Passage]:
        """Empty after SECONDS, and while there is no index: an answer without knowledge is better than none."""
        if not agent.knowledge:
            return []
        corpus = self._corpus_of(agent)
        try:
            with gevent.Timeout(SECONDS):
                corpus.ready.wait()
                hits: Sequence[Hit] = (
                    self._searching.apply(_search, (corpus, query[:MOST_QUERY])) if corpus.open else []
                )
        except gevent.Timeout:
            if corpus.open or not corpus.told_of_waiting:
                log.warning("knowledge was not found in time", extra={"agent": agent.id})
            corpus.told_of_waiting = True
            return []
        except Exception:
            log.exception("knowledge could not be searched", extra={"agent": agent.id})
            return []
        return [_passage(hit) for hit in hits]

    def _corpus_of(self, agent: Agent) -> Corpus:
        corpus = self._corpora.get(agent.knowledge)
        if corpus is None:
            corpus = self._corpora[agent.knowledge] = Corpus(agent.knowledge)
            self._woken.set()
        corpus.agents.add(agent.id)
        if not self._greenlet:
            self._greenlet = gevent.spawn(self._watch)
        return corpus

    def _watch(self) -> None:
        while True:
            try:
                self._woken.wait(self._look_and_build())
            except Exception:
                log.exception("files of knowledge cannot be looked at")
                gevent.sleep(LOOK_SECONDS)

    def _look_and_build(self) -> float:
        """Look at all files, and build the index that is due, if one is. Seconds until it should be called again."""
        self._woken.clear()
        started = monotonic()
        for corpus in tuple(self._corpora.values()):
            self._look(corpus)
        pause = max(LOOK_SECONDS, _MOST_OF_THE_TIME * (monotonic() - started))
        next_one = min(self._corpora.values(), key=Corpus.due_in)
        if seconds := next_one.due_in():
            return min(pause, seconds)
        self._build(next_one)
        return 0.0

    def _look(self, corpus: Corpus) -> None:
        """See whether its files have changed, and take the newest index that is there."""
        looked = self._looking.apply(_look, (corpus.patterns, corpus.files))
        if looked:
            corpus.seen(*looked)
        if not corpus.wanted:
            self._use(corpus, None)
        elif corpus.wanted != corpus.name:
            opened = self._opened(corpus.wanted)
            if opened:
                with suppress(OSError):  # at the next start it is built anew then
                    self._looking.apply(self._folder.point, (corpus.patterns, opened.name))
            elif not corpus.open:
                opened = self._opened(self._looking.apply(self._folder.current, (corpus.patterns,)))
            if opened:
                self._use(corpus, opened)

    def _build(self, corpus: Corpus) -> None:
        started = monotonic()
        try:
            name = self._builder.build(corpus.patterns)
            if not name:
                return  # the files are gone, as the next look will see
            opened = self._opened(name)
            if not opened:
                raise BuildError("what was built cannot be opened")
        except BuildError as error:
            if corpus.failed(str(error)):
                log.error("knowledge cannot be indexed: %s", error, extra={"agents": sorted(corpus.agents)})  # noqa: TRY400
            corpus.ready.set()
            return
        seconds = monotonic() - started
        corpus.built(seconds)
        self._use(corpus, opened)
        counts = {"files": opened.report.files, "passages": opened.report.passages, "seconds": round(seconds, 1)}
        log.info("knowledge is indexed", extra={"agents": sorted(corpus.agents), **counts})

    def _opened(self, name: str | None) -> OpenIndex | None:
        """The index of this name; None where there is none, or it is damaged and gone now."""
        if not name or name in self._open:
            return self._open.get(name or "")
        try:
            opened: OpenIndex | None = self._looking.apply(_open, (self._folder, name))
        except Exception as error:  # noqa: BLE001 - whatever damage does to what reads it
            log.warning("an index of knowledge is damaged: %r", error)
            self._looking.apply(self._folder.discard, (name,))
            return None
        if opened:
            self._open[name] = opened
        return opened

    def _use(self, corpus: Corpus, opened: OpenIndex | None) -> None:
        """Use this index from now on, and close those that nobody uses any more."""
        corpus.open = opened
        corpus.ready.set()
        if opened:
            self._tell_problems(opened)
        used = {each.name for each in self._corpora.values()}
        for name in self._open.keys() - used:
            self._searching.spawn(self._open.pop(name).index.close)

    def _tell_problems(self, opened: OpenIndex) -> None:
        """A line for each file that could not be read, once for each of its states."""
        for (path, *state), reason in opened.report.problems:
            if (path, *state) not in self._told:
                self._told.add((path, *state))
                log.warning("a file of knowledge cannot be read: %s: %s", path, reason)


# In native threads.


def _look(patterns: tuple[str, ...], before: Sequence[FileState] | None) -> tuple[Sequence[FileState], str] | None:
    """The files and the name of their index, where they are not as before."""
    files = look(patterns)
    return None if files == before else (files, name_of(files) if files else "")


def _open(folder: IndexFolder, name: str) -> OpenIndex | None:
    if not folder.has(name):
        return None
    report = folder.report(name)
    return OpenIndex(name, Index(folder.index_file(name)), report)


def _search(corpus: Corpus, query: str) -> Sequence[Hit]:
    """Of the index that is in use when the thread comes to it: others may be closed."""
    return corpus.open.index.search(query, MOST_PASSAGES) if corpus.open else ()


def _passage(hit: Hit) -> Passage:
    entry = hit.entry
    title = " > ".join(entry.headings) or entry.source
    return Passage(entry.source, title, entry.text, entry.url, hit.confidence >= CONFIDENT)
