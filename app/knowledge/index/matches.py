"""What a question's words are worth in an index's entries."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from math import log

import numpy as np
import numpy.typing as npt

from app.knowledge.index.query import Languages, Word
from app.knowledge.index.vocabulary import MOST_LETTERS, Term, Vocabulary, marks

MOST_WORDS = 24  # of a question; of more, those that are rarest in the index
MOST_EXPANDED = 12  # of these are looked for in other forms too
PART_SHARE = 0.7  # of a compound's, for each of two parts
HEAD_WEIGHT = 0.5  # how near a compound's head is to it, where it has
SHORTEST_HEAD = 4  # letters
IN_COMPOUND = 0.3  # how near a compound's part is that the index has in other compounds alone
DOUBTFUL = 0.3  # of a word's share, for one that is none
FEWEST = 60  # entries, by which words are weighed; in fewer, how often a word occurs says little

Vector = npt.NDArray[np.float32]
Posting = tuple[npt.NDArray[np.uint32], Vector]
Postings = Mapping[int, Posting]


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
        for term in sorted(terms, key=lambda term: term.weight):
            numbers, worths = postings[term.number]
            weight = np.float32(term.weight)
            self.worth[numbers] = np.maximum(self.worth[numbers], worths * weight)
            self.there[numbers] = weight  # the nearest comes last
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


def matches(
    table: sqlite3.Connection, vocabulary: Vocabulary, languages: Languages, words: Sequence[Word], entries: int
) -> list[Match]:
    """Of each word, those of more than MOST_WORDS left out that occur most often or never."""
    known = _known(words, vocabulary, {})
    words = [each for word in words for each in _parts(word, known, vocabulary, languages)]
    known = _known(words, vocabulary, known)
    if len(words) > MOST_EXPANDED:
        words = sorted(words, key=lambda word: _frequency(word, known))[:MOST_WORDS]
    terms = [
        _nearest(_terms(word, known, vocabulary if index < MOST_EXPANDED else None, languages.empty))
        for index, word in enumerate(words)
    ]
    numbers = {term.number for each in terms for term in each}
    several = {
        each.number: [known[piece].number for piece in text.split()] for text, each in known.items() if each.number < 0
    }
    numbers |= {piece for each in numbers & several.keys() for piece in several[each]}
    postings = _postings(table, [*numbers - several.keys()])
    postings |= {each: _in_all([postings[piece] for piece in several[each]]) for each in numbers & several.keys()}
    return [Match(word, each, postings, entries) for word, each in zip(words, terms, strict=True)]


def _known(words: Sequence[Word], vocabulary: Vocabulary, before: Mapping[str, Term]) -> dict[str, Term]:
    """The words' terms that the index has, and those known before; of several together, with a number below 0."""
    terms = {term for word in words for term in word.terms if term not in before}
    known = {**before, **vocabulary.known([*{piece for term in terms for piece in term.split()}])}
    for term in terms:
        pieces = term.split()
        if len(pieces) > 1 and all(piece in known for piece in pieces):
            known[term] = Term(-len(known), term, min(known[piece].frequency for piece in pieces), 1.0)
    return known


def _in_all(postings: Sequence[Posting]) -> Posting:
    """The entries that have all of these terms, worth what the least of them is."""
    entries = reduce(np.intersect1d, [numbers for numbers, _ in postings])
    return entries, np.min([worths[np.searchsorted(numbers, entries)] for numbers, worths in postings], axis=0)


def _frequency(word: Word, known: Mapping[str, Term]) -> tuple[bool, int]:
    frequencies = [known[term].frequency for term in word.terms if term in known]
    return not frequencies, min(frequencies, default=0)


def _terms(
    word: Word, known: Mapping[str, Term], vocabulary: Vocabulary | None, empty: Collection[str]
) -> Iterator[Term]:
    """The terms of the index that a word means, with those that the vocabulary relates to it, none of them `empty`."""
    whole = [term for term, weight in word.terms.items() if weight == 1]
    if word.formation and vocabulary:
        occurs = any(term in known for term in whole)
        for term in whole:
            related = vocabulary.related(term, word.formation, known=occurs)
            yield from (each for each in related if each.text not in empty)
    for term, weight in word.terms.items():
        if term in known:
            yield Term(known[term].number, term, known[term].frequency, weight)
        if weight < 1 and word.formation and vocabulary:
            for each in vocabulary.compounds(term, word.formation):
                yield each._replace(weight=each.weight * weight)


def _parts(word: Word, known: Mapping[str, Term], vocabulary: Vocabulary, languages: Languages) -> list[Word]:
    """The word itself; where no entry has it, nor another of its meaning, what it is written together of.

    These are two words, where entries have both, or others of their meaning. Where they have the second alone, which
    says what kind of thing a compound is, it counts as one of the word's meaning.
    """
    if word.formation is None or any(term in known for term in word.terms):
        return [word]
    whole = [term for term, weight in word.terms.items() if weight == 1]
    cuts = [cut for term in whole if len(term) <= MOST_LETTERS for cut in word.formation.cuts(term)]
    if not cuts:
        return [word]
    firsts = {first: languages.part(first, word, PART_SHARE, last=False) for first in {first for first, _ in cuts}}
    heads = {head: languages.part(head, word, PART_SHARE, last=True) for head in {head for _, head in cuts}}
    there = vocabulary.known([*{term for part in (*firsts.values(), *heads.values()) for term in part.terms}])
    near_first = {first: _nearness(part, there, vocabulary) for first, part in firsts.items()}
    near_head = {head: _nearness(part, there, vocabulary) for head, part in heads.items()}
    first, head = max(cuts, key=lambda cut: (min(near_first[cut[0]], near_head[cut[1]]), near_head[cut[1]]))
    if near_first[first] and near_head[head]:
        return [firsts[first], heads[head]]
    meant = near_head[head] and len(head) >= SHORTEST_HEAD
    terms = {term: weight * HEAD_WEIGHT for term, weight in heads[head].terms.items()} if meant else {}
    return [replace(word, terms={**terms, **word.terms})]


def _nearness(part: Word, known: Collection[str], vocabulary: Vocabulary) -> float:
    """Of what the index has to a compound's part: of a word that has synonyms, also of compounds with these."""
    weights = [weight for term, weight in part.terms.items() if term in known]
    if weights or part.formation is None or min(part.terms.values()) == 1:
        return max(weights, default=0.0)
    return IN_COMPOUND if any(vocabulary.compounds(term, part.formation) for term in part.terms) else 0.0


def _nearest(terms: Iterable[Term]) -> list[Term]:
    """Each term once, as near as it is to the word in any way."""
    return [*{term.number: term for term in sorted(terms, key=lambda term: term.weight)}.values()]


def _postings(table: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, Posting]:
    rows: list[tuple[int, bytes, bytes]] = []
    for begin in range(0, len(numbers), 500):
        some = numbers[begin : begin + 500]
        query = f"SELECT id, entries, worths FROM terms WHERE id IN ({marks(some)})"  # noqa: S608
        rows += table.execute(query, some)
    return {
        number: (np.frombuffer(entries, dtype=np.uint32), np.frombuffer(worths, dtype=np.float16).astype(np.float32))
        for number, entries, worths in rows
    }
