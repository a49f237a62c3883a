"""Searches an index: BM25F by terms and those related to them (Robertson, Zaragoza: "The Probabilistic Relevance
Framework", 2009)."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.knowledge.documents import Entry
from app.knowledge.index.build import FORMAT, build, unpacked
from app.knowledge.index.confidence import CONFIDENT, confidence
from app.knowledge.index.matches import Match, Vector, matches, rarest
from app.knowledge.index.query import Languages
from app.knowledge.index.vocabulary import Vocabulary
from app.language.questions import content_runs, is_function_word
from app.language.stems import Stems
from app.language.words import normal, pairs, pieces, words

__all__ = ["CONFIDENT", "FormatError", "Hit", "Index", "build"]


CONTEXT = 0.2  # of what a word is worth, for all passages of a document that has it, beside what it is worth in each

PLAINLY = 0.5  # as near as this to a word of the question, one of a heading is meant by it


class FormatError(Exception):
    """A file is no index that this version reads; it has to be built anew."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found.

    - `number`: its place among the index's entries, from 0 on.
    - `score`: higher is better, to be compared within one search alone.
    - `confidence`: how sure it is that the passage answers the query, from 0 to 1; the same for all searches. From
      CONFIDENT on it answers by itself.
    - `why`: for its operator, what of the query was found and what it was worth.
    """

    number: int
    entry: Entry
    score: float
    confidence: float
    why: str = ""


class Index:
    """An index that was built. Used by one thread at a time; in memory is only what SQLite caches of it (2 MB).

    - `entries`: how many it has. `languages`: how many of them are in each language; "" where it is not known.

    Raises FormatError where the file is another version's or no whole index, OSError where there is none.
    """

    def __init__(self, path: Path) -> None:
        path.stat()
        self._table = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            about = dict(self._table.execute("SELECT name, value FROM about"))
        except sqlite3.DatabaseError as error:
            self._table.close()
            raise FormatError(f"{path}: {error}") from error
        if about.get("format") != FORMAT:
            self._table.close()
            raise FormatError(f"{path}: its format is {about.get('format')}, not {FORMAT}")
        self.entries: int = about["entries"]
        self.languages: dict[str, int] = json.loads(about["languages"])
        self._documents = np.frombuffer(about["documents"], dtype=np.int32)  # how many entries each has
        self._firsts = np.cumsum(self._documents) - self._documents
        self._vocabulary = Vocabulary(self._table)
        self._languages = Languages(self.languages)

    def entry(self, number: int) -> Entry:
        """The entry that was given as the number-th, from 0 on. Raises IndexError."""
        return self._entry(number)[0]

    def _entry(self, number: int) -> tuple[Entry, str]:
        """With its language."""
        query = "SELECT entry, language FROM entries WHERE number = ?"
        row = self._table.execute(query, (number,)).fetchone()
        if row is None:
            raise IndexError(number)
        return unpacked(row[0]), row[1]

    def search(self, query: str, most: int) -> Sequence[Hit]:
        """At most so many passages that are about anything in the query, best first."""
        asked = self._languages.wanted(query)
        if not asked or not self.entries:
            return []
        found = matches(self._table, self._vocabulary, self._languages, asked, self.entries)
        scores, of_documents = np.zeros(self.entries, dtype=np.float32), np.zeros(len(self._firsts), dtype=np.float32)
        for match in found:
            scores += match.worth * np.float32(match.idf)
            of_documents += np.maximum.reduceat(match.there, self._firsts) * np.float32(CONTEXT * match.idf)
        scores[scores > 0] += np.repeat(of_documents, self._documents)[scores > 0]
        return [self._hit(number, float(scores[number]), found) for number in _best(scores, most)]

    def _hit(self, number: int, score: float, found: Sequence[Match]) -> Hit:
        entry, language = self._entry(number)
        fields = _Fields(entry, Stems(language))
        most = rarest(self.entries)
        covered = sum(match.idf * match.nearness(number) for match in found) / sum(match.idf for match in found)
        worth = sum(match.idf * float(match.worth[number]) for match in found) / most
        near = {term.text for match in found for term in match.terms if term.weight >= PLAINLY}
        meant = {term for terms in near for term in terms.split()}
        headed = len(fields.told & meant) / max(1, len(fields.told))
        return Hit(number, entry, score, confidence(covered, worth, headed), _why(number, fields, found))

    def close(self) -> None:
        self._table.close()


def _best(scores: Vector, most: int) -> list[int]:
    """The numbers of the highest scores above 0, highest first; of the same, the first."""
    those = np.flatnonzero(scores)
    if 0 < most < len(those):
        those = those[scores[those] >= np.partition(scores[those], -most)[-most]]
    best: list[int] = those[np.argsort(-scores[those], kind="stable")][:most].tolist()
    return best


class _Fields:
    """The terms of an entry's headings and title; `told` are those of its own heading that say what it is about."""

    def __init__(self, entry: Entry, stems: Stems) -> None:
        self.heading = _terms(entry.headings[-1:], stems)
        self.told = _told(normal(" ".join(entry.headings[-1:])), stems)
        self.title = _terms((*entry.headings[:-1], entry.source), stems)

    def name(self, term: str) -> str:
        terms = {*term.split()}
        return "heading" if terms <= self.heading else "title" if terms <= self.title else "text"


def _terms(texts: Sequence[str], stems: Stems) -> set[str]:
    text = normal(" ".join(texts))
    return {stems.term(word) for word in (*words(text), *pieces(text))} | {stems.root(word) for word in words(text)}


def _told(heading: str, stems: Stems) -> set[str]:
    told = [word for word in words(heading) if not is_function_word(word, stems.language)]
    told += [pair for run in content_runs(heading, stems.language) for pair in pairs(run)]
    return {stems.term(word) for word in told}


def _why(number: int, fields: _Fields, found: Sequence[Match]) -> str:
    """Such as `parcels: parcel in heading 3.2, delivery: deliver in text 1.1; not found: tomorrow`."""
    told, missing = [], []
    for match in sorted(found, key=lambda match: -match.worth[number] * match.idf):
        if match.worth[number] > 0:
            term = match.best(number)
            told.append(f"{match.word.text}: {term} in {fields.name(term)} {match.worth[number] * match.idf:.1f}")
        else:
            missing.append(match.word.text)
    return "; ".join([", ".join(told)] + ([f"not found: {', '.join(missing)}"] if missing else []))
