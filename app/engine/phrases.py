"""Phrases of people, recognised whatever their case, accents and widths: for what a question plainly asks for."""

import re
import unicodedata
from collections.abc import Iterable

LONGEST_QUESTION = 1000  # characters that are looked at
_MARKS = re.compile("[\u0300-\u036f\u064b-\u065f\u0670\u0640]")  # of Latin, Cyrillic and Arabic; Japanese has others
_SAME = str.maketrans("\u0649\u0629\u0671\u0131\u0142\u2019\u2018\u02bc", "\u064a\u0647\u0627il'''")


def folded(text: str) -> str:
    """The beginning of the text without what people leave out or write in several ways: capitals, accents, hamzas."""
    return _folded(text[:LONGEST_QUESTION].casefold())


def phrases(*patterns: str) -> re.Pattern[str]:
    """One pattern of several, in lower case, which finds any of them in folded text. `…` is up to four words."""
    return re.compile(_folded("|".join(patterns)).replace("...", r"(?:[\w']+\W+){0,4}?"))


def words(text: str) -> Iterable[str]:
    """Of folded text."""
    return re.findall(r"[^\W\d_]+", text)


def _folded(text: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFKD", text)).translate(_SAME)
