"""Writes an index: which terms occur in which passages, and what each is worth there."""

import json
import os
import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import Stemmer

from app.knowledge.documents import Entry
from app.language.recognition import is_plainly, primary, recognised
from app.language.stems import ROOT, Stems
from app.language.words import normal, pieces, runs, words

FORMAT = f"7, PyStemmer {Stemmer.version()}"  # another number for every change of what is stored, or of what terms are
GRAM = 3  # letters
MOST_KEPT = 8  # characters of a run without blanks

# How often a word counts for one of the text: BM25F's weights of fields.
HEADING = 3
UPPER_HEADINGS = 1
TITLE = 1

# BM25's: how soon more of the same word adds nothing, and how much a passage's length counts: they differ little.
K1 = 1.2
B = 0.4

_FIELDS = [field.name for field in fields(Entry)]
_SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE entries (number INTEGER PRIMARY KEY, entry BLOB NOT NULL, language TEXT NOT NULL);
CREATE TABLE terms (
  id INTEGER PRIMARY KEY, term TEXT NOT NULL, frequency INTEGER NOT NULL, entries BLOB NOT NULL, worths BLOB NOT NULL
);
CREATE TABLE grams (gram INTEGER PRIMARY KEY, terms BLOB NOT NULL);
"""


def build(path: Path, entries: Iterable[Entry]) -> None:
    """Write the index of the entries into a new file, and see it to the disk.

    `Index` opens the file only when this has returned. Raises OSError where it cannot be written; what stands at the
    path then is of no use. Memory: about 30 bytes for each word.
    """
    try:
        table = sqlite3.connect(path)
        try:
            table.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;" + _SCHEMA)
            _write(table, entries)
            table.commit()
        finally:
            table.close()
    except sqlite3.OperationalError as error:
        raise OSError(f"{path}: {error}") from error
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _write(table: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    vocabulary = _Vocabulary()
    table.executemany("INSERT INTO entries VALUES (?, ?, ?)", vocabulary.read(entries))
    table.executemany("INSERT INTO terms VALUES (?, ?, ?, ?, ?)", vocabulary.postings())
    table.execute("CREATE UNIQUE INDEX terms_by_term ON terms (term)")
    table.executemany("INSERT INTO grams VALUES (?, ?)", grams(vocabulary.terms))
    about = {
        "entries": vocabulary.entries,
        "documents": vocabulary.documents.tobytes(),
        "languages": json.dumps(vocabulary.languages),
        "format": FORMAT,
    }
    table.executemany("INSERT INTO about VALUES (?, ?)", about.items())


class _Vocabulary:
    """The terms of the entries so far: their ids as they occur, one entry after the other."""

    def __init__(self) -> None:
        self.terms: dict[str, int] = {}
        self.languages: dict[str, int] = {}  # and how many entries are in each
        self.entries = 0
        self._ids = array("I")
        self._lengths = array("I")  # how many ids each entry has
        self.documents = array("i")  # how many entries each document has
        self._of: dict[str, _Ids] = {}

    def read(self, entries: Iterable[Entry]) -> Iterator[tuple[int, bytes, str]]:
        """Takes in the entries, and yields what is stored of them."""
        for _, of_document in groupby(entries, lambda entry: entry.source):
            before, first = "", self.entries
            for entry in of_document:
                before = self._take_in(entry, before)
                yield self.entries, packed(entry), before
                self.entries += 1
            self.documents.append(self.entries - first)

    def _take_in(self, entry: Entry, before: str) -> str:
        """Returns the entry's language; where that is unclear, it is the one before."""
        text = normal(entry.text)
        language = before if is_plainly(text, before) else recognised(text) or primary(entry.language) or before
        ids = self._of.get(language) or self._of.setdefault(language, _Ids(Stems(language), self.terms))
        found = ids.of(text)
        upper, heading = " ".join(entry.headings[:-1]), " ".join(entry.headings[-1:])
        for part, weight in ((heading, HEADING), (upper, UPPER_HEADINGS), (entry.source, TITLE)):
            if part:
                found += ids.of(normal(part)) * weight
        self._ids.extend(found)
        self._lengths.append(len(found))
        self.languages[language] = self.languages.get(language, 0) + 1
        return language

    def postings(self) -> Iterator[tuple[int, str, int, bytes, bytes]]:
        """A row for each term: in which entries it is (uint32), and what it is worth in each (float16)."""
        if not self._ids:
            return
        lengths = np.array(self._lengths, dtype=np.float32)
        entries = np.repeat(np.arange(len(lengths), dtype=np.uint64), self._lengths)
        both = np.array(self._ids, dtype=np.uint64) << np.uint64(32) | entries
        both, times = np.unique(both, return_counts=True)
        entries = (both & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        ids = both >> np.uint64(32)
        around = K1 * (1 - B + B * lengths / max(1, lengths.mean()))
        worths = (times * (K1 + 1) / (times + around[entries])).astype(np.float16).tobytes()
        packed_entries = entries.tobytes()
        ends = np.searchsorted(ids, np.arange(len(self.terms)), side="right").tolist()
        begin = 0
        for (term, number), end in zip(self.terms.items(), ends, strict=True):
            yield number, term, end - begin, packed_entries[begin * 4 : end * 4], worths[begin * 2 : end * 2]
            begin = end


class _Ids(dict[str, int]):
    """The ids of one language's words, each looked at once."""

    def __init__(self, stems: Stems, terms: dict[str, int]) -> None:
        super().__init__()
        self._stems = stems
        self._terms = terms
        self._runs = _Runs(self)
        self._roots = _Roots(stems, terms) if stems.root("كتاب") else None

    def __missing__(self, word: str) -> int:
        self[word] = number = self._terms.setdefault(self._stems.term(word), len(self._terms))
        return number

    def of(self, text: str) -> list[int]:
        found = words(text)
        ids = list(map(self.__getitem__, found))
        for run in runs(text):
            ids += self._runs[run]
        if self._roots is not None:
            ids += filter(None, map(self._roots.__getitem__, found))  # 0 is a word's
        return ids


class _Runs(dict[str, list[int]]):
    """The ids of what is written without blanks; of short runs, which come again, they are kept."""

    def __init__(self, ids: _Ids) -> None:
        super().__init__()
        self._ids = ids

    def __missing__(self, run: str) -> list[int]:
        ids = list(map(self._ids.__getitem__, pieces(run)))
        if len(run) <= MOST_KEPT:
            self[run] = ids
        return ids


class _Roots(dict[str, int | None]):
    """The ids of the words' roots."""

    def __init__(self, stems: Stems, terms: dict[str, int]) -> None:
        super().__init__()
        self._stems = stems
        self._terms = terms

    def __missing__(self, word: str) -> int | None:
        root = self._stems.root(word)
        self[word] = number = self._terms.setdefault(root, len(self._terms)) if root else None
        return number


def grams(terms: Iterable[str]) -> Iterator[tuple[int, bytes]]:
    """For each run of three letters in a term, and for its beginning: the ids of the terms with it (uint32)."""
    every = ["" if term.startswith(ROOT) else term for term in terms]
    text = "".join(f"\n{term}" for term in every)
    letters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    ids = np.cumsum(letters == ord("\n")) - 1
    codes = letters[:-2] << 42 | letters[1:-1] << 21 | letters[2:]
    whole = (letters[1:-1] != ord("\n")) & (letters[2:] != ord("\n"))
    codes, ids = codes[whole], ids[:-2][whole]
    order = np.lexsort((ids, codes))
    codes, ids = codes[order], ids[order].astype(np.uint32)
    first = np.ones(len(codes), dtype=bool)
    first[1:] = (codes[1:] != codes[:-1]) | (ids[1:] != ids[:-1])
    codes, ids = codes[first], ids[first]
    if not len(codes):
        return
    begins = np.flatnonzero(np.diff(codes, prepend=-1)).tolist()
    for begin, end in zip(begins, [*begins[1:], len(codes)], strict=True):
        yield int(codes[begin]), ids[begin:end].tobytes()


def packed(entry: Entry) -> bytes:
    values = [getattr(entry, name) for name in _FIELDS]
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass")


def unpacked(row: bytes) -> Entry:
    source, headings, *rest = json.loads(row.decode("utf-8", "surrogatepass"))
    values: list[Any] = rest
    return Entry(source, tuple(headings), *values)
