"""Words of a text as they are written, by Unicode's letters, digits and marks.

Scripts without blanks between words (Han, Kana, Thai, Lao, Khmer, Myanmar, Tibetan) are cut into overlapping pairs of
characters, as Lucene's CJKBigramFilter does; a run of Katakana is a word, and each Han character is one besides.
"""

import re
import unicodedata
from collections.abc import Iterator
from operator import add

MOST_LETTERS = 64  # of a word; the rest of a longer one is cut off

_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HIRAGANA = "\u3041-\u3096\u309d-\u309f"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff"
_SOUTHEAST = "\u0e00-\u0e4f\u0e80-\u0ecf\u0f00-\u0f1f\u0f35-\u0fd4\u1000-\u103f\u1050-\u109f\u1780-\u17df"
_NO_BLANKS = _HAN + _HIRAGANA + _KATAKANA + _SOUTHEAST


_MARKS = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
_MARKS_WITH_BLANKS = re.sub(f"[{_NO_BLANKS}]", "", _MARKS)  # of the scripts that have them: a word goes on after one
_MARKS_SOUTHEAST = "".join(re.findall(f"[{_SOUTHEAST}]", _MARKS))

_LETTER = rf"[^\W_{_NO_BLANKS}]"
_WORD = re.compile(f"{_LETTER}+(?:[{_MARKS_WITH_BLANKS}]+{_LETTER}*)*")
_RUN = re.compile(f"[{_HAN}]+|[{_HIRAGANA}]+|[{_KATAKANA}]+|[{_SOUTHEAST}]+")
_ANY_RUN = re.compile(f"[{_NO_BLANKS}]")
_KANA = re.compile(f"[{_HIRAGANA}{_KATAKANA}]")
_IS_SOUTHEAST = re.compile(f"[{_SOUTHEAST}]+")
_CHARACTER = re.compile(f".[{_MARKS_SOUTHEAST}]*", re.DOTALL)  # with the marks that follow it
_IS_HAN = re.compile(f"[{_HAN}]+")
_IS_KATAKANA = re.compile(f"[{_KATAKANA}]+")
_IS_HIRAGANA = re.compile(f"[{_HIRAGANA}]+")


def normal(text: str) -> str:
    """The text in Unicode's form NFKC, which all below expect: composed, no letter only wider or smaller."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def words(text: str) -> list[str]:
    """The words between blanks and punctuation, as they are written, in their order; numbers are words."""
    return [word if len(word) <= MOST_LETTERS else word[:MOST_LETTERS] for word in _WORD.findall(text)]


def runs(text: str) -> list[str]:
    """The longest pieces in one script of those without blanks."""
    return _RUN.findall(text) if has_no_blanks(text) else []


def places(text: str) -> Iterator[tuple[int, str]]:
    """These with where they begin."""
    return ((run.start(), run[0]) for run in _RUN.finditer(text))


def pairs(run: str) -> list[str]:
    """The run's overlapping pairs of characters (with their marks); the run itself where it is shorter or Katakana."""
    if _IS_KATAKANA.fullmatch(run):
        return [run[:MOST_LETTERS]]
    characters = _CHARACTER.findall(run) if _IS_SOUTHEAST.match(run) else run
    return list(map(add, characters, characters[1:])) or [*characters]


def pieces(text: str) -> list[str]:
    """The pairs of all of the text's runs, and each character of Han, which has a meaning by itself."""
    found: list[str] = []
    for run in runs(text):
        found += pairs(run)
        if len(run) > 1 and _IS_HAN.match(run):
            found += run
    return found


def is_hiragana(text: str) -> bool:
    return bool(_IS_HIRAGANA.fullmatch(text))


def is_han(text: str) -> bool:
    return bool(_IS_HAN.fullmatch(text))


def is_katakana(text: str) -> bool:
    return bool(_IS_KATAKANA.fullmatch(text))


def has_no_blanks(text: str) -> bool:
    """Whether any of it is in a script that has no blanks between words."""
    return not text.isascii() and bool(_ANY_RUN.search(text))


def has_kana(text: str) -> bool:
    return bool(_KANA.search(text))
