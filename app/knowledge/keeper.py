"""Keeps indexes as their files are: looks at these, has new indexes built beside those in use, and takes them."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event
from gevent.threadpool import ThreadPool

from app.engine.agent import Agent
from app.knowledge.building.builder import Builder
from app.knowledge.building.embedding import open_vectors
from app.knowledge.building.files_state import FileState, look, name_of
from app.knowledge.building.folder import IndexFolder
from app.knowledge.building.making import BuildError
from app.knowledge.corpus import Corpus, InUse, OpenIndex
from app.knowledge.index.index import Index
from app.knowledge.meaning import Meaning

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  # between two looks at the files
_MOST_OF_THE_TIME = 50  # looking takes at most one part of so many of the time, however many files there are


class Keeper:
    """Of all agents' corpora. Looking and opening are done in one native thread, which does not log: gevent's locks do
    not pass between threads. `close` is given the indexes that are not used any more."""

    def __init__(self, home: Path, meanings: Mapping[str, Meaning], close: Callable[[Index], object]) -> None:
        self._folder = IndexFolder(home)
        self._builder = Builder(home)
        self._meanings, self._close = meanings, close
        self._corpora: dict[object, Corpus] = {}
        self._open: dict[str, OpenIndex] = {}  # by name
        self._told: set[object] = set()  # problems of files
        self._thread = ThreadPool(1)
        self._woken, self._to_embed = Event(), Event()
        self._greenlets: list[Any] = []

    def corpus_of(self, agent: Agent) -> Corpus:
        """Kept from now on. Its index is there when it is `ready`."""
        key = agent.knowledge, agent.embeddings
        corpus = self._corpora.get(key)
        if corpus is None:
            corpus = self._corpora[key] = Corpus(agent.knowledge, agent.embeddings)
            self._woken.set()
        corpus.agents.add(agent.id)
        if not self._greenlets:
            self._greenlets = [gevent.spawn(self._always, self._keep, self._woken)]
        if agent.embeddings and len(self._greenlets) == 1:
            self._greenlets.append(gevent.spawn(self._always, self._embed_what_is_due, self._to_embed))
        return corpus

    def indexed(self) -> Mapping[str, bool]:
        """Whether there is an index in use, or nothing to be found, by agent."""
        corpora = self._corpora.values()
        return {agent: bool(corpus.in_use or not corpus.files) for corpus in corpora for agent in corpus.agents}

    def keep_no_others(self) -> None:
        """Forget the indexes on disk that are of none of the corpora."""
        known = [corpus.patterns for corpus in self._corpora.values()]
        with suppress(OSError):
            self._thread.apply(self._folder.forget_others, (known,))

    def doubt(self, corpus: Corpus) -> None:
        """The model has given a question a vector of other dimensions than those that are kept."""
        corpus.doubted = True
        self._to_embed.set()

    def stop(self) -> None:
        for greenlet in self._greenlets:
            greenlet.kill()

    @staticmethod
    def _always(work: Callable[[], float], woken: Event) -> None:
        """Call it again and again: after as many seconds as it says, or as soon as it is woken."""
        while True:
            try:
                woken.clear()
                woken.wait(work())
            except Exception:
                log.exception("knowledge is not kept up to date")
                gevent.sleep(LOOK_SECONDS)

    def _keep(self) -> float:
        """Look at all files, and build the index that is due, if one is."""
        started = monotonic()
        for corpus in tuple(self._corpora.values()):
            self._look_safely(corpus)
        pause = max(LOOK_SECONDS, _MOST_OF_THE_TIME * (monotonic() - started))
        next_one = min(self._corpora.values(), key=Corpus.build_due_in)
        if seconds := next_one.build_due_in():
            return min(pause, seconds)
        self._build(next_one)
        return 0.0

    def _look_safely(self, corpus: Corpus) -> None:
        """Whatever is wrong with the files of one, those of the others are looked at, and nobody waits for it."""
        try:
            self._look(corpus)
        except Exception as error:  # told once
            corpus.ready.set()
            if corpus.looking.failed(repr(error)):
                log.exception("files of knowledge cannot be looked at", extra={"agents": sorted(corpus.agents)})
        else:
            corpus.looking.succeeded()

    def _look(self, corpus: Corpus) -> None:
        """See whether its files have changed, and take the newest index that is there."""
        looked = self._thread.apply(_look, (corpus.patterns, corpus.files))
        if looked:
            corpus.seen(*looked)
        corpus.gone = bool(corpus.name) and not self._thread.apply(self._folder.has, (corpus.name,))
        if not corpus.wanted:
            self._use(corpus, None)
        elif corpus.wanted != corpus.name:
            opened = self._opened(corpus.wanted)
            if opened:
                with suppress(OSError):  # at the next start it is built anew then
                    self._thread.apply(self._folder.point, (corpus.patterns, opened.name))
            elif not corpus.in_use:
                opened = self._opened(self._thread.apply(self._folder.current, (corpus.patterns,)))
            if opened:
                self._use(corpus, opened)

    def _build(self, corpus: Corpus) -> None:
        started = monotonic()
        try:
            name = self._builder.build(corpus.patterns)
            if not name:
                return  # the files are gone, as the next look will see
            before = self._open.pop(name, None)  # when there were files that could not be read
            opened = self._opened(name)
            if not opened:
                if before:
                    self._open[name] = before
                raise BuildError("what was built is damaged, or another process has removed it")
        except BuildError as error:
            if corpus.building.failed(str(error)):
                log.error("knowledge cannot be indexed: %s", error, extra={"agents": sorted(corpus.agents)})  # noqa: TRY400
            corpus.ready.set()
            return
        seconds = monotonic() - started
        corpus.built(seconds)
        for each in [
            corpus,
            *(other for other in self._corpora.values() if other.name == name and other is not corpus),
        ]:
            self._use(each, opened)
        if before:
            self._close(before.index)
        counts = {"files": opened.report.files, "passages": opened.report.passages, "seconds": round(seconds, 1)}
        log.info("knowledge is indexed", extra={"agents": sorted(corpus.agents), **counts})

    def _opened(self, name: str | None) -> OpenIndex | None:
        """The index of this name; None where there is none, or it is damaged and gone now."""
        if not name or name in self._open:
            return self._open.get(name or "")
        try:
            opened: OpenIndex | None = self._thread.apply(_open, (self._folder, name))
        except Exception as error:  # noqa: BLE001 - whatever damage does to what reads it
            log.warning("an index of knowledge is damaged: %r", error)
            self._thread.apply(self._folder.discard, (name,))
            return None
        if opened:
            self._open[name] = opened
        return opened

    def _use(self, corpus: Corpus, opened: OpenIndex | None) -> None:
        """Use this index from now on, and close those that nobody uses any more."""
        corpus.in_use = self._with_vectors(corpus, opened) if opened else None
        corpus.ready.set()
        if opened:
            self._tell_problems(opened)
        used = {each.name for each in self._corpora.values()}
        for name in self._open.keys() - used:
            self._close(self._open.pop(name).index)
        if corpus.embed_due_in() < math.inf:
            corpus.embedding.hope()
            self._to_embed.set()

    def _with_vectors(self, corpus: Corpus, opened: OpenIndex) -> InUse:
        meaning = self._meanings.get(corpus.embeddings)
        return self._thread.apply(_with_vectors, (self._folder, opened, meaning.key)) if meaning else InUse(opened)

    def _embed_what_is_due(self) -> float:
        next_one = min(self._corpora.values(), key=Corpus.embed_due_in)
        if seconds := next_one.embed_due_in():
            return min(seconds, 3600.0)
        self._embed(next_one)
        return 0.0

    def _embed(self, corpus: Corpus) -> None:
        """Have what the index in use lacks asked of the corpus's model."""
        assert corpus.in_use
        started, opened, about = monotonic(), corpus.in_use.open, {"model": corpus.embeddings}
        meaning = self._meanings[corpus.embeddings]
        try:
            made = self._builder.embed(opened.name, meaning.options, doubted=corpus.doubted)
            reason = made.reason
            told = f"{made.missing} texts are missing: {reason}" if made.missing else ""
        except BuildError as error:
            made, reason = None, str(error)
            told = reason
        if corpus.in_use and corpus.in_use.open is opened:
            corpus.in_use = self._with_vectors(corpus, opened)
        elif not made:
            return  # another index has come meanwhile, and the folder of this one is gone
        if told:
            if corpus.embedding.failed(reason):
                log.warning("knowledge is not embedded: %s", told, extra=about)
            return
        corpus.doubted = False
        corpus.embedding.succeeded()
        meaning.forget()  # the texts' vectors may be another model's now
        assert made
        counts = {"passages": opened.report.passages, "refused": made.refused}
        log.info("knowledge is embedded", extra={**about, **counts, "seconds": round(monotonic() - started, 1)})

    def _tell_problems(self, opened: OpenIndex) -> None:
        """A line for each file that could not be read, once for each of its states."""
        for state, reason in opened.report.problems:
            if state not in self._told:
                log.warning("a file of knowledge cannot be read: %s: %s", state[0], reason)
        self._told = {state for each in self._open.values() for state, _ in each.report.problems}


def _look(patterns: tuple[str, ...], before: Sequence[FileState] | None) -> tuple[Sequence[FileState], str] | None:
    """The files and the name of their index, where they are not as before."""
    files = look(patterns)
    return None if files == before else (files, name_of(files) if files else "")


def _open(folder: IndexFolder, name: str) -> OpenIndex | None:
    if not folder.has(name):
        return None
    report = folder.report(name)
    return OpenIndex(name, Index(folder.index_file(name)), report)


def _with_vectors(folder: IndexFolder, opened: OpenIndex, key: str) -> InUse:
    return InUse(opened, *open_vectors(folder, opened.name, key, opened.report.passages))
