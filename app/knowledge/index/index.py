"""SQLite's full-text index, ranked by BM25."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from app.knowledge.documents import Entry
from app.tools.stop_words import significant_words

MOST_TERMS = 12  # words of a query that are searched for


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found.

    - `number`: its place among the index's entries, from 0 on.
    - `score`: higher is better, to be compared within one search alone.
    - `confidence`: how sure it is that the passage answers the query, from 0 to 1; the same for all searches.
    - `why`: for its operator, what of the query was found and what it was worth.
    """

    number: int
    entry: Entry
    score: float
    confidence: float
    why: str = ""


def build(path: Path, entries: Iterable[Entry]) -> None:
    """Write the index of the entries into a new file."""
    with sqlite3.connect(path) as table:
        table.execute(
            "CREATE VIRTUAL TABLE passages USING fts5(title, text, entry UNINDEXED, tokenize='porter unicode61')"
        )
        table.executemany("INSERT INTO passages VALUES (?, ?, ?)", map(_row, entries))
    table.close()


def _row(entry: Entry) -> tuple[str, str, bytes]:
    return " ".join(entry.headings), f"{entry.source} {entry.text}", orjson.dumps(entry)


class Index:
    """An index that was built. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._table = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)

    def search(self, query: str, most: int) -> Sequence[Hit]:
        """At most so many passages that are about anything in the query, best first."""
        terms = significant_words(query)[:MOST_TERMS]
        if not terms:
            return []
        hits: dict[int, int] = {}
        for term in terms:
            for (row,) in self._table.execute("SELECT rowid FROM passages WHERE passages MATCH ?", (f'"{term}"',)):
                hits[row] = hits.get(row, 0) + 1
        ranked = self._table.execute(
            "SELECT rowid, entry, -bm25(passages, 8, 1) FROM passages WHERE passages MATCH ? ORDER BY 3 DESC LIMIT ?",
            (" OR ".join(f'"{term}"' for term in terms), most),
        )
        return [
            Hit(row - 1, _entry(entry), score, min(1.0, hits[row] / len(terms) * 0.75)) for row, entry, score in ranked
        ]

    def close(self) -> None:
        self._table.close()


def _entry(row: bytes) -> Entry:
    value = orjson.loads(row)
    return Entry(**{**value, "headings": tuple(value["headings"])})
