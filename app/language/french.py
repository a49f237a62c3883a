"""French words that Snowball's stemmer has apart from their plural, or has one stem for although they differ."""

import re

_PLURAL = re.compile(".{3,}(?:t|ion)s")  # of nouns; it takes the last letters of `crédit` and `connexions` for verbs'
_PLURAL_STEM = re.compile(".{2,}[ou]s|.eux")
# Stations are not parked (`garer`), books not delivered (`livrer`), and a rent is no law.
_APART = {"gare": "gare", "gares": "gare", "livre": "livre", "livres": "livre", "loyer": "loyer", "loyers": "loyer"}


def before_stemming(word: str) -> str:
    """The word in lower case without what makes it a plural, where the stemmer would not see it."""
    return word[:-1] if _PLURAL.fullmatch(word) else word


def after_stemming(stem: str, word: str) -> str:
    """The term, of a word in lower case and its folded stem."""
    if word in _APART:
        return _APART[word]
    return stem[:-1] if len(stem) > 3 and _PLURAL_STEM.fullmatch(stem) else stem
