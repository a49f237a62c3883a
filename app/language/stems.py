"""Terms: words as an index compares them, whatever their form, by language."""

from collections.abc import Callable

import Stemmer

from app.language import arabic, french, italian, polish, russian
from app.language.folding import fold
from app.language.korean import without_particle
from app.language.questions import is_function_word

ROOT = "√"  # what a term that is a root begins with; no word does

# Snowball's stemmers by language (ISO 639-1). Arabic has another one here, which is made for search; what those of
# Polish and Russian leave apart is brought together here.
_SNOWBALL = dict(
    pair.split("=")
    for pair in """
    ca=catalan cs=czech da=danish de=german el=greek en=english eo=esperanto es=spanish et=estonian eu=basque fa=persian
    fi=finnish fr=french ga=irish hi=hindi hu=hungarian hy=armenian id=indonesian it=italian lt=lithuanian nb=norwegian
    ne=nepali nl=dutch pl=polish pt=portuguese ro=romanian ru=russian sr=serbian st=sesotho sv=swedish ta=tamil
    tr=turkish yi=yiddish
    """.split()  # noqa: SIM905 - a table reads best as one
)

# How Spanish and Portuguese write c and g before e and i, which their stemmers leave: saque, of sacar.
_BEFORE_E = {"qu": "c", "gu": "g"}


class Stems:
    """Makes terms of one language's words; a language that is not known has its words folded. Not thread-safe."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._stem: Callable[[str], str] = _no_stem
        if language in _SNOWBALL:
            stemmer = Stemmer.Stemmer(_SNOWBALL[language])
            stemmer.maxCacheSize = 0
            self._stem = stemmer.stemWord

    def term(self, word: str) -> str:
        """The word's stem, folded; the word itself where a stemmer leaves nearly nothing of it."""
        if self.language == "ar":
            return arabic.light_stem(fold(word))
        if self.language == "ko":
            return fold(without_particle(word))
        return _enough(self._folded_stem(self._lower(word), word.lower()), word)

    def root(self, word: str) -> str:
        """What words share that are made of the same root, marked as such; "" where the language has no such thing."""
        root = arabic.root(fold(word)) if self.language == "ar" else ""
        return ROOT + root if root else ""

    def typed_in_haste(self, word: str) -> str:
        """The term where the word's accents were left out, which stemmers need."""
        folded = fold(word)
        if self.language == "pl":
            folded = polish.accented(folded)
        return _enough(self._folded_stem(folded, word.lower()), word)

    def _folded_stem(self, word: str, written: str) -> str:
        """`written`: with the accents that it has."""
        if self.language == "fr":
            return french.after_stemming(fold(self._stem(french.before_stemming(word))), written)
        if self.language == "it":
            return italian.after_stemming(fold(self._stem(italian.before_stemming(word))))
        if self.language == "pl":
            return polish.irregular(word) or polish.shortened(fold(self._stem(word)))
        if self.language == "ru":
            return russian.irregular(fold(word)) or russian.shortened(fold(self._stem(word)))
        if self.language in ("es", "pt"):
            return self._told_apart(word, fold(self._stem(word)))
        return fold(self._stem(word))

    def _told_apart(self, word: str, stem: str) -> str:
        """A Spanish or Portuguese word's stem, written as before a; the word where either is a function word."""
        if is_function_word(word, self.language) or is_function_word(stem, self.language):
            return fold(word)
        return stem[:-2] + _BEFORE_E.get(stem[-2:], stem[-2:]) if len(stem) > 3 else stem

    def _lower(self, word: str) -> str:
        return (word.replace("I", "ı").replace("İ", "i") if self.language == "tr" else word).lower()


def _enough(stem: str, word: str) -> str:
    return stem if len(stem) >= 3 or len(word) <= 3 else fold(word)


def _no_stem(word: str) -> str:
    return word
