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
from app.tools.base import Tool
from app.tools.stop_words import significant_words

log = logging.getLogger(__name__)

MOST_PASSAGES = 3
MOST_CHARACTERS = 1200
MOST_TERMS = 12
SECONDS = 5.0  # for a search, files that have to be read among it

_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```[^\n]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


Search = Callable[[Agent, str], Sequence[Passage]]
"""What finds passages in an agent's knowledge."""


class Arguments(Schema):
    query = fields.String(required=True, validate=validate.Length(1, 1000))


class Index:
    """The passages of some files, found again when the files change. Use from one thread at a time."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns
        self._seen: list[tuple[str, int, int]] = []
        self._table: sqlite3.Connection | None = None

    def search(self, query: str) -> list[Passage]:
        """The best passages, best first; only those in which two thirds of the query's words occur."""
        table = self._current()
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
        found = [Passage(*row[1:]) for row in ranked if hits[row[0]] * 3 >= len(terms) * 2]
        return found[:MOST_PASSAGES]

    def _current(self) -> sqlite3.Connection:
        """The table, built anew where a file came, went or changed."""
        paths = matching_files(self._patterns)
        seen = [(path, status.st_mtime_ns, status.st_size) for path in paths for status in [Path(path).stat()]]
        if self._table is None or seen != self._seen:
            self._table, self._seen = _build(paths), seen
        return self._table


def matching_files(patterns: tuple[str, ...]) -> list[str]:
    found = {path for pattern in patterns for path in glob.glob(pattern, recursive=True)}  # noqa: PTH207
    return sorted(path for path in found if Path(path).is_file())


def _build(paths: list[str]) -> sqlite3.Connection:
    table = sqlite3.connect(":memory:", check_same_thread=False)
    table.execute("CREATE VIRTUAL TABLE passages USING fts5(source, title, text, tokenize = 'porter unicode61')")
    for path in paths:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        table.executemany("INSERT INTO passages VALUES (?, ?, ?)", map(astuple, _sections(Path(path).name, text)))
    return table


def _sections(source: str, markdown: str) -> Iterator[Passage]:
    """One passage for each heading, and one for what stands before the first."""
    markdown = _FENCED.sub(lambda block: re.sub("^", "    ", block[1], flags=re.MULTILINE), markdown)
    pieces = _HEADING.split(markdown)
    for title, body in zip([source, *pieces[1::2]], pieces[::2], strict=True):
        text = " ".join(_LINK.sub(r"\1", body).split())
        if text:
            yield Passage(source, title, text[:MOST_CHARACTERS])


class KnowledgeSearch:
    """Implements the engine's `Knowledge` port: one index an agent, all used from a native thread of their own,
    because building one reads files and searching one is work that would hold up the other greenlets."""

    def __init__(self) -> None:
        self._indexes: dict[tuple[str, ...], Index] = {}
        self._thread = ThreadPool(1)

    def search(self, agent: Agent, query: str) -> list[Passage]:
        """Nothing where the files cannot be read in time: an answer without knowledge is better than none."""
        index = self._indexes.setdefault(agent.knowledge, Index(agent.knowledge))
        try:
            with gevent.Timeout(SECONDS):
                found: list[Passage] = self._thread.apply(index.search, (query,))
        except gevent.Timeout:
            log.warning("knowledge was not found in time", extra={"agent": agent.id})
            return []
        return found


def tool(search: Search) -> Tool:
    def call(context: ToolContext, args: Mapping[str, Any]) -> dict[str, Any]:
        return {"passages": [asdict(passage) for passage in search(context.agent, args["query"])]}

    return Tool(
        name="knowledge",
        description="Searches the site's documents; returns passages with their source.",
        arguments=Arguments,
        call=call,
    )
