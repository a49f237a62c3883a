"""The terms of an index, and which of them are related to a question's: inflected, compound or mistyped forms.

Candidates share runs of three letters with the word; what they are worth is decided by comparing the letters.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from app.knowledge.index.build import GRAM

MOST_LETTERS = 32  # of a word that others are related to
MOST_COMPARED = 64  # terms, by the runs of letters that they share with the word
MOST_RELATED = 16
LEAST_SHARED = 0.4  # of the word's runs of letters


@dataclass(frozen=True, slots=True)
class Term:
    """`weight`: how near it is to a question's word, 1 being the same. `frequency`: in how many passages it is."""

    number: int
    text: str
    frequency: int
    weight: float


class Vocabulary:
    def __init__(self, table: sqlite3.Connection) -> None:
        self._table = table
        (self._size,) = table.execute("SELECT count(*) FROM terms").fetchone()

    def known(self, terms: Sequence[str]) -> dict[str, Term]:
        """Those of the terms that occur."""
        rows: list[tuple[int, str, int]] = []
        for begin in range(0, len(terms), 500):  # SQLite takes no more than 32,766 parameters, and some builds 999
            some = terms[begin : begin + 500]
            query = f"SELECT id, term, frequency FROM terms WHERE term IN ({marks(some)})"  # noqa: S608
            rows += self._table.execute(query, some)
        return {text: Term(number, text, frequency, 1.0) for number, text, frequency in rows}

    def related(self, term: str, *, known: bool, compounding: bool) -> list[Term]:
        """Other forms of the term, nearest first; forms with a typing mistake only of one that is not `known`."""
        term = term[:MOST_LETTERS]
        if len(term) < GRAM:
            return []
        found = [*self._similar(term, known=known, compounding=compounding)]
        if compounding:
            found += self._parts(term)
        best: dict[int, Term] = {}
        for each in sorted(found, key=lambda each: -each.weight):
            best.setdefault(each.number, each)
        return [*best.values()][:MOST_RELATED]

    def _similar(self, term: str, *, known: bool, compounding: bool) -> Iterable[Term]:
        codes = list({_code(f"\n{term}"[index : index + GRAM]) for index in range(len(term) - GRAM + 2)})
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
            weight = likeness(term, text, compounding=compounding)
            if not weight and not known and one_mistake(term, text):
                weight = 0.7
            if weight and text != term:
                yield Term(number, text, frequency, weight)

    def _parts(self, term: str) -> Iterable[Term]:
        """Terms that the term is written together of."""
        cuts = range(4, len(term) - 3)
        parts = list({part for cut in cuts for part in (term[:cut], term[cut:])})
        for part in self.known(parts).values():
            weight = likeness(term, part.text, compounding=True)
            yield Term(part.number, part.text, part.frequency, weight)


def likeness(one: str, other: str, *, compounding: bool) -> float:
    """From 0, not related, to 1, the same: by how much of the longer word both have, as its beginning or its end."""
    short, long = sorted((one, other), key=len)
    if short == long:
        return 1.0
    if any(map(str.isdecimal, short)):
        return 0.0
    if len(short) >= 4:
        share = len(short) / len(long)
        if long.startswith(short):
            return 0.3 + 0.6 * share
        if long.endswith(short) and (compounding or len(long) - len(short) <= 2):
            return 0.3 + 0.6 * share
    alike = _beginning(one, other)
    share = alike / len(long)
    return share if alike >= 4 and share >= 0.6 else 0.0


def _beginning(one: str, other: str) -> int:
    """How many letters both begin with."""
    for index, (letter, same) in enumerate(zip(one, other, strict=False)):
        if letter != same:
            return index
    return min(len(one), len(other))


def one_mistake(one: str, other: str) -> bool:
    """Whether one is the other with a letter added, left out or replaced, or two swapped; of five letters or more."""
    if min(len(one), len(other)) < 5 or abs(len(one) - len(other)) > 1:
        return False
    begin = _beginning(one, other)
    one, other = one[begin:], other[begin:]
    swapped = one[:2] == other[1::-1] and one[2:] == other[2:]
    return swapped or one[1:] == other[1:] or one[1:] == other or one == other[1:]


def _code(gram: str) -> int:
    return ord(gram[0]) << 42 | ord(gram[1]) << 21 | ord(gram[2])


def marks(values: Sequence[object]) -> str:
    """So many question marks of SQL."""
    return ",".join("?" * len(values))
