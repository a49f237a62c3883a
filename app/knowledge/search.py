"""Search in the documents that an agent may answer from."""

import logging
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gevent
from gevent.threadpool import ThreadPool

from app.engine.agent import Agent
from app.engine.prompt import Passage
from app.knowledge.corpus import Corpus, InUse
from app.knowledge.index.index import CONFIDENT, Hit, Index
from app.knowledge.keeper import Keeper
from app.knowledge.meaning import Meaning
from app.knowledge.ranking import Ranked, ranked

log = logging.getLogger(__name__)

MOST_PASSAGES = 3
MOST_QUERY = 1000  # characters of a query; of a longer question its beginning is looked for
SECONDS = 5.0  # for a search, and for the first index to be there


class KnowledgeSearch:
    """Implements the engine's `Knowledge` port with an index for each set of files, kept in the home folder (in a
    temporary one without `home`). `embeddings` are the options of the models that agents name there, by their names.

    All searching is done in one native thread, which does not log: gevent's locks do not pass between threads.
    """

    def __init__(self, home: Path | None = None, embeddings: Mapping[str, Mapping[str, Any]] = {}) -> None:
        if home is None:
            home = Path(tempfile.mkdtemp())
            weakref.finalize(self, shutil.rmtree, home, ignore_errors=True)
        self._thread = ThreadPool(1)
        self._meanings = {name: Meaning(name, options) for name, options in embeddings.items()}
        self._keeper = Keeper(home, self._meanings, self._close_later)

    def start(self, agents: Iterable[Agent]) -> None:
        """Have the indexes of these agents ready, and forget those of all others."""
        for agent in agents:
            self._keeper.corpus_of(agent)
        self._keeper.keep_no_others()

    def indexed(self) -> Mapping[str, bool]:
        """Whether there is an index in use, or nothing to be found, by the id of each agent that was started."""
        return self._keeper.indexed()

    def close(self) -> None:
        """End looking, building and embedding."""
        self._keeper.stop()
        for meaning in self._meanings.values():
            meaning.close()

    def search(self, agent: Agent, query: str) -> list[Passage]:
        """Empty after SECONDS, and while there is no index: an answer without knowledge is better than none."""
        if not agent.knowledge:
            return []
        corpus = self._keeper.corpus_of(agent)
        try:
            with gevent.Timeout(SECONDS):
                corpus.ready.wait()
                found = self._found(corpus, query[:MOST_QUERY]) if corpus.in_use else []
        except gevent.Timeout:
            if corpus.in_use or not corpus.told_of_waiting:
                log.warning("knowledge was not found in time", extra={"agent": agent.id})
            corpus.told_of_waiting = True
            return []
        except Exception:
            log.exception("knowledge could not be searched", extra={"agent": agent.id})
            return []
        return [_passage(each.hit) for each in found]

    def _found(self, corpus: Corpus, query: str) -> Sequence[Ranked]:
        meaning = self._meanings.get(corpus.embeddings)
        vector = meaning.of_question(query) if meaning and corpus.in_use and corpus.in_use.vectors else None
        found, in_use, fits = self._thread.apply(_find, (corpus, query, vector))
        if not fits and meaning and in_use is corpus.in_use:  # and no other vectors have come meanwhile
            meaning.forget()
            if not corpus.doubted:
                log.warning("the model gives other vectors than it did", extra={"model": corpus.embeddings})
                self._keeper.doubt(corpus)
        ranking: Sequence[Ranked] = found
        return ranking

    def _close_later(self, index: Index) -> None:
        """When those searches have ended that wait already."""
        self._thread.spawn(index.close)


def _find(corpus: Corpus, query: str, vector: Any | None) -> tuple[Sequence[Ranked], InUse | None, bool]:
    """In what is in use when the thread comes to it: others may be closed. Also returns that, and whether the vector,
    if there is one, has as many dimensions as the index's."""
    in_use = corpus.in_use
    if not in_use:
        return (), None, True
    vectors = in_use.vectors
    fits = vectors is None or vector is None or len(vector) == vectors.dimensions
    return ranked(in_use.open.index, query, MOST_PASSAGES, vectors if fits else None, vector), in_use, fits


def _passage(hit: Hit) -> Passage:
    entry = hit.entry
    title = " > ".join(entry.headings) or entry.source
    return Passage(entry.source, title, entry.text, entry.url, hit.confidence >= CONFIDENT)
