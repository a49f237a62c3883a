"""The terms of an index, and which of them are related to a question's: inflected, compound or mistyped forms.

Candidates share runs of three letters with the word; what they are worth is decided by comparing the letters.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from app.knowledge.index.build import GRAM
from app.language.formation import Formation, in_compounds, one_mistake

MOST_LETTERS = 32  # of a word that others are related to
MOST_COMPARED = 64  # terms, by the runs of letters that they share with the word
MOST_RELATED = 16
LEAST_SHARED = 0.4  # of the word's runs of letters
MISTAKEN = 0.7  # how near a word with a typing mistake is


class Term(NamedTuple):
    """`weight`: how near it is to a question's word, 1 being the same. `frequency`: in how many passages it is."""

    number: int
    text: str
    frequency: int
    weight: float


class Vocabulary:
    def __init__(self, table: sqlite3.Connection) -> None:
        self._table = table
        self._compounds: dict[str, list[Term]] = {}
        (self._size,) = table.execute("SELECT count(*) FROM terms").fetchone()

    def known(self, terms: Sequence[str]) -> dict[str, Term]:
        """Those of the terms that occur."""
        rows: list[tuple[int, str, int]] = []
        for begin in range(0, len(terms), 500):  # SQLite takes no more than 32,766 parameters, and some builds 999
            some = terms[begin : begin + 500]
            query = f"SELECT id, term, frequency FROM terms WHERE term IN ({marks(some)})"  # noqa: S608
            rows += self._table.execute(query, some)
        return {text: Term(number, text, frequency, 1.0) for number, text, frequency in rows}

    def related(self, term: str, formation: Formation, *, known: bool) -> list[Term]:
        """Other forms of the term, nearest first; forms with a typing mistake only of one that is not `known`."""
        term = term[:MOST_LETTERS]
        if len(term) < GRAM:
            return []
        found = {each.number: each for each in self._similar(term)}
        found |= {each.number: each for each in self.known(formation.parts(term) + formation.prefixed(term)).values()}
        weighed = []
        for each in found.values():
            weight = formation.likeness(term, each.text)
            if not weight and not known and one_mistake(term, each.text):
                weight = MISTAKEN
            if weight and each.text != term:
                weighed.append(each._replace(weight=weight))
        return sorted(weighed, key=lambda each: -each.weight)[:MOST_RELATED]

    def compounds(self, term: str, formation: Formation) -> list[Term]:
        """Words that begin or end with the term, nearest first; they are kept, so for terms of which there are few."""
        if not formation.compounding or len(term) < GRAM:
            return []
        if term not in self._compounds:
            head = in_compounds(term)
            found = {each.number: each for form in {term, head} for each in self._similar(form)}.values()
            those = (each for each in found if each.text.startswith(term) or each.text.endswith(head))
            weighed = (each._replace(weight=formation.likeness(head, each.text)) for each in those if each.text != term)
            nearest = sorted((each for each in weighed if each.weight), key=lambda each: -each.weight)
            self._compounds[term] = nearest[:MOST_RELATED]
        return self._compounds[term]

    def _similar(self, term: str) -> Iterator[Term]:
        """Terms that share runs of letters with the term."""
        begun = f"\n{term}"
        codes = [*{_code(begun[index : index + GRAM]) for index in range(len(begun) - GRAM + 1)}]
        found = self._table.execute(f"SELECT terms FROM grams WHERE gram IN ({marks(codes)})", codes)  # noqa: S608
        sharing = [np.frombuffer(row, dtype=np.uint32) for (row,) in found]
        if not sharing:
            return
        counts = np.bincount(np.concatenate(sharing), minlength=self._size)
        several = np.flatnonzero(counts >= max(1, LEAST_SHARED * len(codes)))
        if len(several) > MOST_COMPARED:
            several = several[np.argpartition(-counts[several], MOST_COMPARED)[:MOST_COMPARED]]
        numbers = several.tolist()
        query = f"SELECT id, term, frequency FROM terms WHERE id IN ({marks(numbers)})"  # noqa: S608
        for number, text, frequency in self._table.execute(query, numbers):
            yield Term(number, text, frequency, 0.0)


def _code(gram: str) -> int:
    return ord(gram[0]) << 42 | ord(gram[1]) << 21 | ord(gram[2])


def marks(values: Sequence[object]) -> str:
    """So many question marks of SQL."""
    return ",".join("?" * len(values))
