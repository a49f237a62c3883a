"""Phrases that plainly ask for something, found whatever their case, accents and widths."""

import re

from app.language.folding import fold

MOST_CHARACTERS = 1000  # of a text are looked at
_QUOTES = str.maketrans("\u2019\u2018\u02bc", "'''")
_SOME_WORDS = r"(?:[\w']+\W+){0,4}?"


def folded(text: str) -> str:
    """The beginning of the text, as phrases are looked for in it."""
    return fold(text[:MOST_CHARACTERS]).translate(_QUOTES)


def phrases(*patterns: str) -> re.Pattern[str]:
    """One pattern that finds any of these in folded text. They are regular expressions in which `~` is `\\W`, which
    folding would change, and `…` up to four words."""
    return re.compile(fold("|".join(patterns)).replace("~", r"\W").replace("...", _SOME_WORDS))
