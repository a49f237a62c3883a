"""What a question asks for: its words that say what it is about, as terms of an index."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from app.language.folding import fold
from app.language.formation import Formation, plainer
from app.language.function_words import COMMON_WORDS, FUNCTION_WORDS
from app.language.questions import content_runs, is_function_word, may_be_function_words, parted_verbs
from app.language.recognition import recognised
from app.language.stems import Stems
from app.language.synonyms import SYNONYMS
from app.language.words import is_hiragana, normal, pairs, words

MOST_CHARACTERS = 2000  # of a question; the rest is not looked at
MOST_LANGUAGES = 6  # that a question of an unclear one is tried in

# How near a term is to a word of the same root or meaning, and a single character of Han to a pair.
ROOT_WEIGHT = 0.5
SYNONYM_WEIGHT = 0.6
CHARACTER_WEIGHT = 0.4

# How much of a word it is that people use whatever they ask about, and a letter or a number of up to two digits.
COMMON_SHARE = 0.5
SHORT_SHARE = 0.3
HIRAGANA_SHARE = 0.5  # mostly endings


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a question.

    - `terms`: what it is in the index, with weights from 0 to 1.
    - `share`: how much of a word it is, from 0 to 1; pairs of characters overlap.
    - `formation`: how other forms of it can be told by its letters; None where they cannot.
    - `languages`: that it may be in, as far as it is known.
    - `doubtful`: whether it is a word only if the index has it.
    """

    text: str
    terms: Mapping[str, float]
    share: float
    formation: Formation | None
    languages: frozenset[str] = frozenset()
    doubtful: bool = False


class Languages:
    """The languages of an index, and questions in them. Not thread-safe."""

    def __init__(self, entries: Mapping[str, int]) -> None:
        """Of how many entries in each language."""
        most = sorted(entries, key=lambda language: -entries[language])[:MOST_LANGUAGES]
        self._stems = {language: Stems(language) for language in most}
        self._common = {language: _terms(stems, COMMON_WORDS) for language, stems in self._stems.items()}
        functions = (_terms(stems, FUNCTION_WORDS) for stems in self._stems.values())
        self.empty = frozenset[str]().union(*functions)  # terms that say nothing of what a passage is about
        self._synonyms = {language: _synonyms(stems) for language, stems in self._stems.items()}

    def wanted(self, question: str) -> list[Word]:
        """The question's words, each once; without those that stand in any question of its language."""
        text = normal(question[:MOST_CHARACTERS])
        language = recognised(text)
        nearest = language if language in self._stems else recognised(text, self._stems.keys())
        spoken = {each for each in (language, nearest) if each} or {*self._stems}
        tried = {nearest} if nearest and nearest in self._stems else {*self._stems}
        once: dict[frozenset[str], Word] = {}
        for word in (*self._words(text, spoken, tried), *_pairs(text, language or nearest)):
            once.setdefault(frozenset(word.terms), self._with_synonyms(word, tried))
        return [*once.values()]

    def part(self, text: str, compound: Word, share: float, *, last: bool) -> Word:
        """A part of a compound's stem as a word of its own, of this share of it; the last has no ending any more."""
        stems = [] if last else [self._stems[language].term(text) for language in compound.languages]
        part = replace(compound, text=text, terms=dict.fromkeys([text, *stems], 1.0), share=compound.share * share)
        return self._with_synonyms(part, compound.languages)

    def _words(self, text: str, spoken: Iterable[str], tried: set[str]) -> Iterator[Word]:
        formation = Formation.of(tried)
        stems = [self._stems[language] for language in tried]
        common = frozenset[str]().union(*(self._common[language] for language in tried))
        parted = self._parted(text, tried)
        for written in words(text):
            word = parted.get(written.lower(), written)
            if any(is_function_word(word, language) for language in spoken):
                continue
            terms = {root: ROOT_WEIGHT for each in stems if (root := each.root(word))}
            terms |= {term: 1.0 for each in stems for term in (each.term(word), each.typed_in_haste(word))}
            yield Word(word, terms, _share(word, terms, common), formation, frozenset(tried))

    def _parted(self, text: str, tried: set[str]) -> dict[str, str]:
        """Verbs that have synonyms, by their second part, where the first stands apart."""
        return {
            second: verb
            for language in tried
            for second, verb in parted_verbs(text, language)
            if self._same(self._stems[language].term(verb), language)
        }

    def _with_synonyms(self, word: Word, languages: Iterable[str]) -> Word:
        """The word with the terms of the same meaning in these languages, where it has any."""
        whole = [term for term, weight in word.terms.items() if weight == 1]
        same = {each for language in languages for term in whole for each in self._same(term, language)}
        return replace(word, terms={**dict.fromkeys(same, SYNONYM_WEIGHT), **word.terms}) if same else word

    def _same(self, term: str, language: str) -> frozenset[str]:
        """The terms of the same meaning as this, or else as one that it may be a form of."""
        synonyms = self._synonyms[language]
        known = (each for each in (term, *plainer(term, language)) if each in synonyms)
        return synonyms.get(next(known, ""), frozenset())


def _terms(stems: Stems, lists: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Of the language's list."""
    return frozenset(stems.term(word) for word in lists.get(stems.language, ()))


def _synonyms(stems: Stems) -> dict[str, frozenset[str]]:
    """Of each term that has synonyms, these; also of terms whose accents were left out."""
    found: dict[str, frozenset[str]] = {}
    for group in SYNONYMS.get(stems.language, ()):
        terms = frozenset(stems.term(word) for word in group)
        typed = terms.union(map(stems.typed_in_haste, group))
        found |= {term: found.get(term, frozenset()) | terms for term in typed}
    return found


def _share(word: str, terms: Mapping[str, float], common: frozenset[str]) -> float:
    if not common.isdisjoint(terms):
        return COMMON_SHARE
    return SHORT_SHARE if len(word) == 1 or (len(word) == 2 and word.isdecimal()) else 1.0


def _pairs(text: str, language: str) -> Iterator[Word]:
    """The pairs of what is written without blanks; together they are as many words as half of the characters."""
    for run in content_runs(text, language):
        found = pairs(run)
        share = min(1.0, len(run) / 2 / len(found)) * (HIRAGANA_SHARE if is_hiragana(run) else 1)
        for pair in found:
            if pair == run and len(run) > 2:  # Katakana
                yield Word(pair, {fold(pair): 1.0}, 1.0, Formation.of(()))
            else:
                characters = {} if is_hiragana(run) else dict.fromkeys(map(fold, pair), CHARACTER_WEIGHT)
                doubtful = is_hiragana(run) or may_be_function_words(pair, language)
                yield Word(pair, characters | {fold(pair): 1.0}, share, None, doubtful=doubtful)
