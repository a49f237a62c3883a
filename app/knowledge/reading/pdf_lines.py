"""The lines of a PDF's page, as they are read.

PDFium gives characters as a page draws them, and turns what it takes for right-to-left text around. Whether a program
draws such a word from its first letter or from its last differs even within a line (Chromium's PDF), and PDFium breaks
lines at letters with marks. So where a page has such letters, its lines are made of where its words and letters stand,
as a reader makes them: the Unicode Bidirectional Algorithm (UAX 9) turned around, as far as that has a reverse.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypdfium2 import raw as pdfium

_RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_LTR = "A-Za-z\u00c0-\u058f\u0900-\u1fff"
_DIGIT = "0-9\u0660-\u0669\u06f0-\u06f9"
_RTL_LETTER, _LTR_LETTER = re.compile(f"[{_RTL}]"), re.compile(f"[{_LTR}]")
_SIGNS = "%\u066a$\u20ac\u00a3\u00a5\u00b0#"
_NUMBER = re.compile(f"[{_SIGNS}]*[{_DIGIT}]+(?:[.,:/\u066b\u066c-][{_DIGIT}]+)*[{_SIGNS}]*")
_LTR_RUN = re.compile(f"[{_LTR}{_DIGIT}]*[{_LTR}](?:[^{_RTL}\n]*[{_LTR}])?[{_DIGIT}]*")
_RTL_RUN = re.compile(f"[{_RTL}](?:[^{_LTR}\n]*[{_RTL}])?")
_MIRRORED = str.maketrans("()[]{}<>\u00ab\u00bb", ")(][}{><\u00bb\u00ab")
_OPENING, _CLOSING = "([{\u00ab", ")]}\u00bb"
_BRACKET = re.compile(r"(?<=\w)([(\[{\u00ab]) (?=\w)")  # a blank on the wrong side of it
_NEAR, _BESIDE = 3, 0.3  # lines of which one may go on, and the part of its height that stands beside it
_NO_GAP = 0.12  # of a line's height: less than a blank


@dataclass(slots=True)
class _Letter:
    """With its marks. The box is in points, from the page's lower left corner."""

    text: str
    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


@dataclass(slots=True)
class _Word:
    """`broken`: PDFium ended or began a line here, which may be within a word."""

    letters: list[_Letter] = field(default_factory=list)
    broken: bool = False

    @property
    def left(self) -> float:
        return min(letter.left for letter in self.letters)

    @property
    def right(self) -> float:
        return max(letter.right for letter in self.letters)


@dataclass(slots=True)
class _Line:
    words: list[_Word]
    bottom: float
    top: float

    def is_beside(self, other: "_Line") -> bool:
        shared = min(self.top, other.top) - max(self.bottom, other.bottom)
        return shared > _BESIDE * min(self.top - self.bottom, other.top - other.bottom)

    def text(self) -> str:
        return "".join(letter.text for word in self.words for letter in word.letters)


def page_text(text_page: Any) -> str:
    """The page's text, its lines separated by `\\n`."""
    text: str = text_page.get_text_range().replace("\r\n", "\n").replace("\r", "\n")
    if not _RTL_LETTER.search(text):
        return text
    lines = _merged(_merged(filter(None, map(_line, _words(text_page)))))  # what two have in common may be a third
    whole = "".join(line.text() for line in lines)
    rtl = len(_RTL_LETTER.findall(whole)) >= len(_LTR_LETTER.findall(whole))
    left = min((word.left for line in lines for word in line.words), default=0)
    right = max((word.right for line in lines for word in line.words), default=0)
    return "\n".join(_logical(line, rtl, left, right) for line in lines)


def _words(text_page: Any) -> Iterator[list[_Word]]:
    """Those of each line, as PDFium has them."""
    words = [_Word()]
    for index in range(text_page.count_chars()):
        character = chr(pdfium.FPDFText_GetUnicode(text_page, index))
        if character in "\r\n":
            words[0].broken = words[-1].broken = True
            yield words
            words = [_Word()]
        elif character.isspace():
            words.append(_Word())
        else:
            text = unicodedata.normalize("NFKC", character) or character
            words[-1].letters.append(_Letter(text, *text_page.get_charbox(index)))
    yield words


def _line(words: Sequence[_Word]) -> _Line | None:
    words = [word for word in words if word.letters]
    for word in words:
        _join_marks(word)
    letters = [letter for word in words for letter in word.letters]
    if not letters:
        return None
    return _Line(list(words), min(each.bottom for each in letters), max(each.top for each in letters))


def _join_marks(word: _Word) -> None:
    """Marks stand above or below letters, and follow those that they are nearest to."""
    letters = [each for each in word.letters if unicodedata.category(each.text[0])[0] != "M"]
    for each in word.letters if letters else ():
        if unicodedata.category(each.text[0])[0] == "M":
            min(letters, key=lambda letter: abs(letter.middle - each.middle)).text += each.text
    word.letters = letters or word.letters


def _merged(lines: Iterable[_Line]) -> list[_Line]:
    """Lines that stand beside each other are one."""
    merged: list[_Line] = []
    for line in lines:
        same = next((each for each in merged[-_NEAR:] if each.is_beside(line)), None)
        if same:
            same.words += line.words
            same.bottom, same.top = min(line.bottom, same.bottom), max(line.top, same.top)
        else:
            merged.append(line)
    return merged


def _logical(line: _Line, rtl_page: bool, left: float, right: float) -> str:
    """The line in the order in which it is read; `left` and `right` are where the page's text begins and ends."""
    stream = line.text()
    rtl, ltr = len(_RTL_LETTER.findall(stream)), len(_LTR_LETTER.findall(stream))
    before, after = min(word.left for word in line.words) - left, right - max(word.right for word in line.words)
    is_rtl = rtl > 0 and (rtl >= ltr or (rtl_page and after <= before))
    shown = _in_order(line, is_rtl)
    if not rtl:
        return shown
    return _mirrored(shown) if is_rtl else _RTL_RUN.sub(lambda run: _NUMBER.sub(_reversed, _reversed(run)), shown)


def _in_order(line: _Line, is_rtl: bool) -> str:
    """Its letters as they stand, from the right or from the left."""
    words = sorted(line.words, key=lambda word: word.left + word.right, reverse=is_rtl)
    shown = ""
    last: _Word | None = None
    for word in words:
        if last is not None:
            gap = last.left - word.right if is_rtl else word.left - last.right
            joined = (last.broken or word.broken) and gap < _NO_GAP * (line.top - line.bottom)
            shown += "" if joined else " "
        shown += "".join(each.text for each in sorted(word.letters, key=lambda each: each.middle, reverse=is_rtl))
        last = word
    return shown


def _mirrored(shown: str) -> str:
    """A line from right to left: words and numbers that are not of it are turned around, brackets open before they
    close."""
    parts, end = [], 0
    for run in _LTR_RUN.finditer(shown):
        parts += [_NUMBER.sub(_reversed, shown[end : run.start()]), _reversed(run)]
        end = run.end()
    parts.append(_NUMBER.sub(_reversed, shown[end:]))
    brackets = [character for part in parts[::2] for character in part if character in _OPENING + _CLOSING]
    if brackets and brackets[0] in _CLOSING:
        parts[::2] = [part.translate(_MIRRORED) for part in parts[::2]]
    return _BRACKET.sub(r" \1", "".join(parts))


def _reversed(run: re.Match[str]) -> str:
    return run[0][::-1]
