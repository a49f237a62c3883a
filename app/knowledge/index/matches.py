"""What a question's words are worth in an index's entries."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import log

import numpy as np
import numpy.typing as npt

from app.knowledge.index.query import Word
from app.knowledge.index.vocabulary import MOST_LETTERS, Term, Vocabulary, marks

MOST_WORDS = 24  # of a question; of more, those that are rarest in the index
MOST_EXPANDED = 12  # of these are looked for in other forms too
PART_SHARE = 0.7  # of a compound's, for each of two parts
DOUBTFUL = 0.3  # of a word's share, for one that is none
FEWEST = 60  # entries, by which words are weighed; in fewer, how often a word occurs says little

Vector = npt.NDArray[np.float32]
Postings = Mapping[int, tuple[npt.NDArray[np.uint32], Vector]]


class Match:
    """A word of a question as one concept: a term of any form counts, and of several the best.

    - `worth`: BM25's of the term that is worth most in an entry, before the word's own weight.
    - `there`: how near to the word the nearest term of an entry is, from 0 to 1.
    - `idf`: the word's weight, the higher, the fewer entries have it; a word that none has is the rarest.
    """

    def __init__(self, word: Word, terms: Sequence[Term], postings: Postings, entries: int) -> None:
        self.word = word
        self.terms = terms
        self.worth: Vector = np.zeros(entries, dtype=np.float32)
        self.there: Vector = np.zeros(entries, dtype=np.float32)
        self._postings = postings
        for term in terms:
            numbers, worths = postings[term.number]
            weight = np.float32(term.weight)
            self.worth[numbers] = np.maximum(self.worth[numbers], worths * weight)
            self.there[numbers] = np.maximum(self.there[numbers], weight)
        frequency = float(self.there.sum())
        known = not word.doubtful or any(term.weight == 1 for term in terms)
        share = word.share if known else word.share * DOUBTFUL
        self.idf = share * log(1 + (max(entries, FEWEST) - frequency + 0.5) / (frequency + 0.5))

    def nearness(self, number: int) -> float:
        """To the word, of the nearest term that the entry has; from 0 to 1."""
        return float(self.there[number])

    def best(self, number: int) -> str:
        """The term that is worth most in the entry, of those that it has."""
        there = ((term, *self._postings[term.number]) for term in self.terms)
        worths = {
            term.text: float(worths[place]) * term.weight
            for term, numbers, worths in there
            if (place := int(np.searchsorted(numbers, number))) < len(numbers) and numbers[place] == number
        }
        return max(worths, key=lambda text: worths[text])


def rarest(entries: int) -> float:
    """What a word is worth that none of the entries has."""
    return log(2 * max(entries, FEWEST) + 2)


def matches(table: sqlite3.Connection, vocabulary: Vocabulary, words: Sequence[Word], entries: int) -> list[Match]:
    """Of each word, those of more than MOST_WORDS left out that occur most often or never."""
    known = vocabulary.known([*{term for word in words for term in word.terms}])
    words = [each for word in words for each in _parts(word, known, vocabulary)]
    known |= vocabulary.known([term for word in words for term in word.terms if term not in known])
    if len(words) > MOST_EXPANDED:
        words = sorted(words, key=lambda word: _frequency(word, known))[:MOST_WORDS]
    terms = [
        _nearest(_terms(word, known, vocabulary if index < MOST_EXPANDED else None)) for index, word in enumerate(words)
    ]
    postings = _postings(table, [*{term.number for each in terms for term in each}])
    return [Match(word, each, postings, entries) for word, each in zip(words, terms, strict=True)]


def _frequency(word: Word, known: Mapping[str, Term]) -> tuple[bool, int]:
    frequencies = [known[term].frequency for term in word.terms if term in known]
    return not frequencies, min(frequencies, default=0)


def _terms(word: Word, known: Mapping[str, Term], vocabulary: Vocabulary | None) -> Iterator[Term]:
    """The terms of the index that a word means, with those that the vocabulary relates to it."""
    whole = [term for term, weight in word.terms.items() if weight == 1]
    if word.formation and vocabulary:
        occurs = any(term in known for term in whole)
        for term in whole:
            yield from vocabulary.related(term, word.formation, known=occurs)
    for term, weight in word.terms.items():
        if term in known:
            yield Term(known[term].number, term, known[term].frequency, weight)


def _parts(word: Word, known: Mapping[str, Term], vocabulary: Vocabulary) -> list[Word]:
    """The word itself, or where no entry has it, the two that it is written together of where entries have both."""
    whole = [term for term, weight in word.terms.items() if weight == 1]
    if word.formation is None or any(term in known for term in whole):
        return [word]
    cuts = [cut for term in whole if len(term) <= MOST_LETTERS for cut in word.formation.cuts(term)]
    there = vocabulary.known([*{part for cut in cuts for part in cut}])
    found = next((cut for cut in cuts if there.keys() >= {*cut}), ())
    return [Word(part, {part: 1.0}, word.share * PART_SHARE, word.formation) for part in found] or [word]


def _nearest(terms: Iterable[Term]) -> list[Term]:
    """Each term once, as near as it is to the word in any way."""
    return [*{term.number: term for term in sorted(terms, key=lambda term: term.weight)}.values()]


def _postings(table: sqlite3.Connection, numbers: Sequence[int]) -> Postings:
    rows: list[tuple[int, bytes, bytes]] = []
    for begin in range(0, len(numbers), 500):
        some = numbers[begin : begin + 500]
        query = f"SELECT id, entries, worths FROM terms WHERE id IN ({marks(some)})"  # noqa: S608
        rows += table.execute(query, some)
    return {
        number: (np.frombuffer(entries, dtype=np.uint32), np.frombuffer(worths, dtype=np.float16).astype(np.float32))
        for number, entries, worths in rows
    }
