"""Search in the Markdown files that an agent may answer from: SQLite's full-text index, ranked by BM25."""

import glob
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import gevent
from gevent.threadpool import ThreadPool
from marshmallow import Schema, fields, validate

from app.engine.agent import Agent, ToolContext
from app.engine.prompt import Passage
from app.engine.texts import clean
from app.tools.base import Tool
from app.tools.stop_words import significant_words

log = logging.getLogger(__name__)

MOST_PASSAGES = 3
MOST_CHARACTERS = 1200  # of a passage
MOST_QUERY = 1000  # characters of a query; of a longer question its beginning is looked for
MOST_TERMS = 12  # words of a query that are searched for
SECONDS = 5.0  # for a search, reading changed files included

_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```[^\n]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


Search = Callable[[Agent, str], Sequence[Passage]]
"""Returns the passages of an agent's knowledge that answer a query, best first."""


class Arguments(Schema):
    query = fields.String(required=True, validate=validate.Length(1, MOST_QUERY))


class Index:
    """The passages of the files that match some glob patterns; read anew when the files change. Not thread-safe."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns
        self._indexed: list[tuple[str, int, int]] = []  # path, time of change (ns) and size (bytes) of each file
        self._table: sqlite3.Connection | None = None

    def search(self, query: str) -> list[Passage]:
        """At most MOST_PASSAGES, best first by BM25, in each of which two thirds of the query's terms occur.

        Raises OSError where a file cannot be read.
        """
        table = self._up_to_date()
        terms = significant_words(query)[:MOST_TERMS]
        if not terms:
            return []
        hits: dict[int, int] = {}
        for term in terms:
            for (row,) in table.execute("SELECT rowid FROM passages WHERE passages MATCH ?", (f'"{term}"',)):
                hits[row] = hits.get(row, 0) + 1
        ranked = table.execute(
            "SELECT rowid, source, title, text FROM passages WHERE passages MATCH ? ORDER BY bm25(passages, 1, 8, 1)",
            (" OR ".join(f'"{term}"' for term in terms),),
        ).fetchall()
        passages = [Passage(*row[1:]) for row in ranked if hits[row[0]] * 3 >= len(terms) * 2]
        return passages[:MOST_PASSAGES]

    def _up_to_date(self) -> sqlite3.Connection:
        """The full-text table, built anew if a file has been added, removed or changed."""
        paths = matching_files(self._patterns)
        files = [(path, status.st_mtime_ns, status.st_size) for path in paths for status in [Path(path).stat()]]
        if self._table is None or files != self._indexed:
            self._table, self._indexed = _build(paths), files
        return self._table


def matching_files(patterns: tuple[str, ...]) -> list[str]:
    """The paths of all files that match one of the glob patterns, sorted, each once."""
    paths = {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}  # noqa: PTH207
    return sorted(path for path in paths if Path(path).is_file())


def _build(paths: list[str]) -> sqlite3.Connection:
    table = sqlite3.connect(":memory:", check_same_thread=False)
    table.execute("CREATE VIRTUAL TABLE passages USING fts5(source, title, text, tokenize = 'porter unicode61')")
    for path in paths:
        text = clean(Path(path).read_text(encoding="utf-8", errors="replace"))
        table.executemany("INSERT INTO passages VALUES (?, ?, ?)", map(astuple, _sections(Path(path).name, text)))
    return table


def _sections(source: str, markdown: str) -> Iterator[Passage]:
    """A passage for the text below each heading, and one for the text before the first."""
    markdown = _FENCED.sub(lambda block: re.sub("^", "    ", block[1], flags=re.MULTILINE), markdown)
    pieces = _HEADING.split(markdown)
    for title, body in zip([source, *pieces[1::2]], pieces[::2], strict=True):
        text = " ".join(_LINK.sub(r"\1", body).split())
        if text:
            yield Passage(source, title, text[:MOST_CHARACTERS])


class KnowledgeSearch:
    """Implements the engine's `Knowledge` port with an index for each agent.

    All are used from one native thread: reading files and searching would hold up the other greenlets.
    """

    def __init__(self) -> None:
        self._indexes: dict[tuple[str, ...], Index] = {}
        self._thread = ThreadPool(1)

    def search(self, agent: Agent, query: str) -> list[Passage]:
        """Empty after SECONDS: an answer without knowledge is better than none. Raises OSError."""
        index = self._indexes.setdefault(agent.knowledge, Index(agent.knowledge))
        try:
            with gevent.Timeout(SECONDS):
                passages: list[Passage] = self._thread.apply(index.search, (query[:MOST_QUERY],))
        except gevent.Timeout:
            log.warning("knowledge was not found in time", extra={"agent": agent.id})
            return []
        return passages


def tool(search: Search) -> Tool:
    """Its result names each passage's source, title and text."""

    def call(context: ToolContext, args: Mapping[str, Any]) -> dict[str, Any]:
        return {"passages": [asdict(passage) for passage in search(context.agent, args["query"])]}

    return Tool(
        name="knowledge",
        description="Searches the site's documents; returns passages with their source.",
        arguments=Arguments,
        call=call,
    )
