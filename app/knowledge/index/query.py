"""What a question asks for: its words that say what it is about, as terms of an index."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.language.folding import fold
from app.language.questions import content_runs, is_function_word
from app.language.recognition import recognised
from app.language.stems import COMPOUNDING, Stems
from app.language.words import is_hiragana, normal, pairs, words

MOST_CHARACTERS = 4000  # of a question; the rest is not looked at
MOST_LANGUAGES = 6  # that a question of an unclear one is tried in
ROOT_WEIGHT = 0.5
CHARACTER_WEIGHT = 0.4


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a question.

    - `terms`: what it is in the index, with weights from 0 to 1.
    - `share`: how much of a word it is; pairs of characters overlap.
    - `spelled`: whether other forms of it can be told by its letters.
    """

    text: str
    terms: Mapping[str, float]
    share: float = 1.0
    spelled: bool = True
    compounding: bool = False


class Languages:
    """The languages of an index, and questions in them. Not thread-safe."""

    def __init__(self, entries: Mapping[str, int]) -> None:
        most = sorted(entries, key=lambda language: -entries[language])[:MOST_LANGUAGES]
        self._stems = {language: Stems(language) for language in most}

    def wanted(self, question: str) -> list[Word]:
        """The question's words, each once; without those that stand in any question of its language."""
        text = normal(question[:MOST_CHARACTERS])
        language = recognised(text)
        nearest = language if language in self._stems else recognised(text, self._stems.keys())
        spoken = {each for each in (language, nearest) if each} or {*self._stems}
        stems = [self._stems[nearest]] if nearest in self._stems else [*self._stems.values()]
        compounding = not COMPOUNDING.isdisjoint({nearest} if nearest else self._stems)
        once: dict[frozenset[str], Word] = {}
        for word in (*_words(text, spoken, stems, compounding), *_pairs(text, language or nearest)):
            once.setdefault(frozenset(word.terms), word)
        return [*once.values()]


def _words(text: str, languages: Iterable[str], stems: Iterable[Stems], compounding: bool) -> Iterator[Word]:
    for word in words(text):
        if any(is_function_word(word, language) for language in languages):
            continue
        terms = {root: ROOT_WEIGHT for each in stems if (root := each.root(word))}
        terms |= {term: 1.0 for each in stems for term in (each.term(word), each.typed_in_haste(word))}
        yield Word(word, terms, compounding=compounding)


def _pairs(text: str, language: str) -> Iterator[Word]:
    for run in content_runs(text, language):
        found = pairs(run)
        share = 0.5 if is_hiragana(run) else (len(found) + 1) / 2 / len(found)
        for pair in found:
            whole = pair == run and len(run) > 2  # Katakana
            characters = {} if whole or is_hiragana(run) else dict.fromkeys(map(fold, pair), CHARACTER_WEIGHT)
            yield Word(pair, characters | {fold(pair): 1.0}, 1.0 if whole else share, spelled=whole)
