"""Folding: what writers of a language leave out or write in several ways is made the same.

traditional.txt has the most frequent traditional characters of Chinese, each with the simplified one. Where two of them
have the same one, they are not told apart. Japanese has some of them too; they are the same on both sides.
"""

import re
import unicodedata
from pathlib import Path

# Combining accents; Hebrew points; Arabic vowel signs and tatweel. Marks of Indic scripts are vowels, and stay.
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]+"
)

# Letters that Unicode does not decompose; Arabic ones as typed in haste, and Persian's and Urdu's of the same sound.
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "œ": "oe",
        "æ": "ae",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
        "ħ": "h",
        "ŋ": "n",
        "ٱ": "ا",
        "ى": "ي",
        "ة": "ه",
        "ک": "ك",
        "ی": "ي",
        "ہ": "ه",
        "ھ": "ه",
        "ە": "ه",
        "ے": "ي",
    }
)
_HAN = {ord(pair[0]): pair[1] for pair in Path(__file__).with_name("traditional.txt").read_text("utf-8").split()}
_LETTERS |= _HAN


class _Digits(dict[int, str]):
    """For `str.translate`: decimal digits of all scripts, as ASCII's. Made as they come, since Unicode is large."""

    def __missing__(self, code: int) -> str:
        number = unicodedata.decimal(chr(code), None)
        self[code] = character = chr(code) if number is None else str(number)
        return character


DIGITS = _Digits()


def simplified(text: str) -> str:
    """The text with simplified Chinese characters, as long as it was."""
    return text if text.isascii() else text.translate(_HAN)


class _Folded(dict[int, str]):
    """For `str.translate`: characters as they are folded, each by itself. Made as they come, as digits are."""

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFKD", chr(code)).casefold()
        plain = _MARKS.sub("", decomposed).translate(_LETTERS).translate(DIGITS)
        self[code] = folded = _MARKS.sub("", unicodedata.normalize("NFKD", plain.casefold()))
        return folded


_FOLDED = _Folded()


def fold(word: str) -> str:
    """The word without case, accents and vowel signs, with plain letters and ASCII's digits.

    Hangul is taken apart into its letters, so that syllables with another ending begin alike.
    """
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKD", word.translate(_FOLDED))  # for the order of several marks
