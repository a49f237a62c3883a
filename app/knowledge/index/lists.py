"""A language's lists of words, as the terms that an index has of them."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain

from app.knowledge.index.expressions import Expressions, is_expression
from app.language.folding import fold
from app.language.function_words import COMMON_WORDS, FUNCTION_WORDS
from app.language.listed import Listed
from app.language.stems import Stems
from app.language.synonyms import SYNONYMS
from app.language.words import has_no_blanks, is_hiragana, pairs, runs, words


@dataclass(frozen=True, slots=True)
class Lists:
    """Of one language; the other two are of its words of the same meaning.

    - `common`: the terms of what people use whatever they ask about. `empty`: of what says nothing of what a passage
      is about.
    - `synonyms`: of each word that has synonyms, as a term where it has blanks around it (also without accents), their
      terms.
    """

    common: frozenset[str]
    empty: frozenset[str]
    synonyms: Mapping[str, frozenset[str]]
    expressions: Expressions
    listed: Listed


@lru_cache(32)
def lists(language: str) -> Lists:
    """Made once in a process, for it takes longer than some searches, and each index that is built anew is opened."""
    stems, groups = Stems(language), SYNONYMS.get(language, ())
    term = cache(stems.term)  # many words are in several lists
    return Lists(
        frozenset(map(term, COMMON_WORDS.get(language, ()))),
        frozenset(map(term, FUNCTION_WORDS.get(language, ()))),
        _synonyms(groups, stems, term),
        Expressions(groups, term),
        Listed(filter(has_no_blanks, chain(*groups)), language),
    )


def _synonyms(groups: Iterable[Collection[str]], stems: Stems, term: Callable[[str], str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for group in groups:
        single = [word for word in group if not is_expression(word)]
        terms = frozenset(listed_term(word, term) for word in single) - {""}
        for word in single:
            asked = {fold(word)} if has_no_blanks(word) else {term(word), stems.typed_in_haste(word)}
            for key in asked | {stems.root(word)} - {""}:
                # Most are in one group, and share its set.
                found[key] = found[key] | terms if key in found else terms
    return found


def listed_term(word: str, term: Callable[[str], str]) -> str:
    """What an entry has of a word that is listed: its parts between blanks or hyphens, or all of its pairs.

    Endings in Hiragana may differ. Nothing where too little is left: 取りやめ means another thing than 取る.
    """
    parts = [term(part) for part in words(word)]
    if has_no_blanks(word):
        parts += [fold(pair) for run in runs(word) for pair in pairs(run) if not is_hiragana(run)]
        parts = parts or [*map(fold, pairs(word))]
        if len(word) > 1 == len(parts) == len(parts[0]):
            return ""
    return " ".join(dict.fromkeys(parts))
