"""What a question asks for: its words that say what it is about, as terms of an index."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from app.knowledge.index.lists import listed_term, lists
from app.language.folding import fold
from app.language.formation import Formation, plainer
from app.language.listed import Place
from app.language.questions import content, is_function_word, may_be_function_words, parted_verbs
from app.language.recognition import recognised
from app.language.stems import ROOT, Stems
from app.language.words import has_no_blanks, is_hiragana, normal, pairs, places, runs, words

MOST_CHARACTERS = 2000  # of a question; the rest is not looked at
MOST_LANGUAGES = 6  # that a question of an unclear one is tried in

# How near a term is to a word of the same root or meaning, to an expression, and a single character of Han to a pair.
ROOT_WEIGHT = 0.5
SYNONYM_WEIGHT = 0.6
ROOT_SYNONYM_WEIGHT = 0.4
EXPRESSION_WEIGHT = 0.8
CHARACTER_WEIGHT = 0.4

# How much of a word it is that people use whatever they ask about, and a letter or a number of up to two digits.
COMMON_SHARE = 0.5
SHORT_SHARE = 0.3
HIRAGANA_SHARE = 0.5  # mostly endings
KNOWN_SHARE = 0.75  # at least, of a pair or a single character in a word that has synonyms


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a question.

    - `terms`: what it is in the index, with weights from 0 to 1; with blanks between them, several that an entry has to
      have together.
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
        self._lists = {language: lists(language) for language in most}
        self.empty = frozenset[str]().union(*(each.empty for each in self._lists.values()))

    def wanted(self, question: str) -> list[Word]:
        """The question's words, each once; without those that stand in any question of its language."""
        text = normal(question[:MOST_CHARACTERS])
        language = recognised(text)
        nearest = language if language in self._stems else recognised(text, self._stems.keys())
        spoken = {each for each in (language, nearest) if each} or {*self._stems}
        tried = {nearest} if nearest and nearest in self._stems else {*self._stems}
        once: dict[frozenset[str], Word] = {}
        for word in self._words(text, spoken, tried):
            once.setdefault(frozenset(word.terms), self._with_synonyms(word, tried))
        for word in self._pairs(text, language or nearest, tried):
            once.setdefault(frozenset(term for term, weight in word.terms.items() if weight == 1), word)
        return [*once.values()]

    def part(self, text: str, compound: Word, share: float, *, last: bool) -> Word:
        """A part of a compound's stem as a word of its own, of this share of it; the last has no ending any more."""
        stems = [] if last else [self._stems[language].term(text) for language in compound.languages]
        part = replace(compound, text=text, terms=dict.fromkeys([text, *stems], 1.0), share=compound.share * share)
        return self._with_synonyms(part, compound.languages)

    def _words(self, text: str, spoken: Iterable[str], tried: set[str]) -> Iterator[Word]:
        formation = Formation.of(tried)
        stems = [self._stems[language] for language in tried]
        common = frozenset[str]().union(*(self._lists[language].common for language in tried))
        parted = self._parted(text, tried)
        asked = [parted.get(word.lower(), word) for word in words(text)]
        telling = [at for at, word in enumerate(asked) if not any(is_function_word(word, each) for each in spoken)]
        said = [each for language in tried for each in self._said(asked, telling, language)]
        taken = {place for _, there in said for place in there}
        for word in (asked[place] for place in telling if place not in taken):
            terms = {root: ROOT_WEIGHT for each in stems if (root := each.root(word))}
            terms |= {term: 1.0 for each in stems for term in (each.term(word), each.typed_in_haste(word))}
            yield Word(word, terms, _share(word, terms, common), formation, frozenset(tried))
        yield from (expression for expression, _ in said)

    def _said(
        self, asked: Sequence[str], telling: Collection[int], language: str
    ) -> Iterator[tuple[Word, Collection[int]]]:
        """The expressions among the words, with their places; one of function words alone is half a word."""
        expressions = self._lists[language].expressions
        terms = [self._stems[language].term(word) for word in asked] if expressions else []
        for there, same in expressions.said(terms):
            own = [terms[place] for place in there if place in telling]
            text = " ".join(asked[place] for place in there)
            weights = dict.fromkeys(own, EXPRESSION_WEIGHT / max(1, len(own))) | dict.fromkeys(same, EXPRESSION_WEIGHT)
            yield Word(text, weights, 1.0 if own else COMMON_SHARE, None), there

    def _parted(self, text: str, tried: set[str]) -> dict[str, str]:
        """Verbs that have synonyms, by their second part, where the first stands apart."""
        return {
            second: verb
            for language in tried
            for second, verb in parted_verbs(text, language)
            if self._same(self._stems[language].term(verb), language)
        }

    def _pairs(self, text: str, language: str, tried: set[str]) -> Iterator[Word]:
        """The pairs of what is written without blanks; together they are as many words as half of the characters.

        Those within a word that has synonyms have these too. Where there are none (its characters are left out, stand
        apart, or it is a single one between others), the word is one besides.
        """
        if not has_no_blanks(text):
            return
        left = content(text, language)
        listed = [place for each in tried for place in self._lists[each].listed.places(text, left)]
        bare, edges = {*listed}, {*chain(*listed)}
        there: dict[int, list[Place]] = {}
        for place in listed:
            for index in range(*place):
                there.setdefault(index, []).append(place)
        for begin, run in places(left):
            found = pairs(run)
            for index, pair in enumerate(found, begin):
                end = index + len(pair)
                around = [place for place in there.get(index, ()) if end <= place[1]]
                known = [text[slice(*place)] for place in around]
                if any(_is_rest(pair, word) for word in known):
                    continue
                bare.difference_update(around)
                across = not edges.isdisjoint(range(index + 1, end)) or may_be_function_words(pair, language)
                word = _pair(pair, run, len(found), known=bool(known), across=across)
                yield self._with_synonyms(word, tried, map(fold, known))
        for begin, end in sorted(bare):
            alone = text[begin:end]
            own = {listed_term(alone, self._stems[each].term) or fold(alone): 1.0 for each in tried}
            yield self._with_synonyms(Word(alone, own, min(1.0, len(alone) / 2), None), tried, [fold(alone)])

    def _with_synonyms(self, word: Word, languages: Iterable[str], known: Iterable[str] | None = None) -> Word:
        """The word with the terms of the same meaning in these languages, of itself, its root or else those `known`."""
        whole = [term for term, weight in word.terms.items() if weight == 1] if known is None else [*known]
        roots = [term for term in word.terms if term.startswith(ROOT)]
        for terms, nearness in ((whole, SYNONYM_WEIGHT), (roots, ROOT_SYNONYM_WEIGHT)):
            same = {each for language in languages for term in terms for each in self._same(term, language)}
            if same:
                weights = {term: CHARACTER_WEIGHT if len(term) == 1 else nearness for term in same}
                return replace(word, terms={**weights, **word.terms})
        return word

    def _same(self, term: str, language: str) -> frozenset[str]:
        """The terms of the same meaning as this, or else as one that it may be a form of."""
        synonyms = self._lists[language].synonyms
        known = (each for each in (term, *plainer(term, language)) if each in synonyms)
        return synonyms.get(next(known, ""), frozenset())


def _is_rest(pair: str, word: str) -> bool:
    """Whether it says too little of a word that it is in: an ending in Hiragana, or 取 of 取り消し."""
    if is_hiragana(pair):
        return not is_hiragana(word)
    return len(pair) == 1 and len(runs(word)) > 2


def _share(word: str, terms: Mapping[str, float], common: frozenset[str]) -> float:
    if not common.isdisjoint(terms):
        return COMMON_SHARE
    return SHORT_SHARE if len(word) == 1 or (len(word) == 2 and word.isdecimal()) else 1.0


def _pair(pair: str, run: str, pairs_of_it: int, *, known: bool, across: bool) -> Word:
    """One of a run's; `known` where it is in a word that has synonyms, `across` where it may be of two words."""
    if pair == run and len(run) > 2:  # Katakana
        return Word(pair, {fold(pair): 1.0}, 1.0, Formation.of(()))
    share = min(1.0, len(run) / 2 / pairs_of_it)
    if is_hiragana(run):
        return Word(pair, {fold(pair): 1.0}, share * HIRAGANA_SHARE, None, doubtful=not known)
    if known:
        return Word(pair, {fold(pair): 1.0}, max(share, KNOWN_SHARE), None)
    characters = dict.fromkeys(map(fold, pair), CHARACTER_WEIGHT)
    return Word(pair, characters | {fold(pair): 1.0}, share, None, doubtful=across)
