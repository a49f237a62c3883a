"""Cuts documents into passages: each is read by itself, by a model or a visitor, and nothing is lost between two.

A section longer than a passage is cut between its blocks; a block longer than a passage between its items, rows or
lines; one of these between sentences, then words; and only a word longer than a passage within.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from app.knowledge.documents import Document, Entry, Section

MOST_CHARACTERS = 1200  # of a passage
MOST_MARKS = 30  # that belong to a letter, as in Unicode's Stream-Safe Text Format (UAX #15); of more, some are cut off
MOST_HEADING = 200  # characters of a heading in a path; a longer one is text as well

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,9}[.)])\s")
_TABLE_RULE = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?$")
_WIDE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff"
)
_BORDERS = [  # behind which a text is cut, best first
    re.compile("[.!?\u2026][\"'\u201d\u2019\u00bb)\\]*_]*\\s+|[\u3002\uff01\uff1f\uff61][\u300d\u300f\u201d\uff09]*|"
               "[\u061f\u06d4\u0964\u0965\u0589\u1362\u17d4\u104b]\\s*"),
    re.compile(r"\n+"),
    re.compile("[,;:\u2013\u2014]\\s+|[\u060c\u061b]\\s*|[\u3001\uff0c\uff1b\uff1a]"),
    re.compile(r"\s+"),
    re.compile(f"[{_WIDE}]"),
]  # fmt: skip
_NOT_BLANK = re.compile(r"\S")
_LEAST_PART = 3  # a border in the first third of a passage is none


def cut(document: Document) -> Iterator[Entry]:
    """The document's passages, in their order."""
    title = _short(document.title)
    for section in document.sections:
        headings = tuple(_short(heading) for heading in section.headings)
        url = section.url or (document.url and document.url + section.anchor)
        for text in pieces(_whole(section)):
            yield Entry(title, headings, text, url, document.language)


def _whole(section: Section) -> str:
    """Its text, with its own heading where that is too long for one."""
    heading = section.headings[-1] if section.headings else ""
    return f"{heading}\n\n{section.text}" if len(heading) > MOST_HEADING else section.text


def _short(heading: str) -> str:
    return heading if len(heading) <= MOST_HEADING else f"{heading[: _fitting(heading, MOST_HEADING)].rstrip()}…"


def pieces(text: str, most: int = MOST_CHARACTERS) -> Iterator[str]:
    """The text in pieces of at most so many characters; itself where it is no longer."""
    text = text.strip("\n").rstrip()
    if len(text) > most:
        yield from _packed(_parts(text, most), "\n\n", most)
    elif text.strip():
        yield text


def _packed(parts: Iterable[str], between: str, most: int) -> Iterator[str]:
    """As many parts together as fit."""
    together = ""
    for part in parts:
        if together and len(together) + len(between) + len(part) > most:
            yield together
            together = ""
        together += (between if together else "") + part
    if together:
        yield together


def _parts(text: str, most: int) -> Iterator[str]:
    introduced = 0  # by so many characters, which should not stand alone
    for lines in _blocks(text):
        block, room = "\n".join(lines), most - introduced
        if len(block) <= most:
            yield block
        elif _FENCE.match(lines[0]):
            yield from _fenced(lines, room)
        elif len(lines) > 2 and _TABLE_RULE.match(lines[1]):
            yield from _headed(lines[:2], lines[2:], [], room)
        else:
            yield from _packed(_split_all(_items(lines), room), "\n", room)
        introduced = len(block) + 2 if len(block) < most // _LEAST_PART else 0


def _blocks(text: str) -> Iterator[list[str]]:
    """The lines between empty ones; those of a code block together."""
    block: list[str] = []
    fence = ""
    for line in text.split("\n"):
        marks = _FENCE.match(line)
        if fence:
            fence = "" if marks and marks[1].startswith(fence) and not line.strip(" `~") else fence
        elif marks:
            if block:
                yield block
                block = []
            fence = marks[1]
        if line.strip() or fence:
            block.append(line)
        elif block:
            yield block
            block = []
        if marks and not fence and block:
            yield block
            block = []
    if block:
        yield block


def _items(lines: Sequence[str]) -> Iterator[str]:
    """The items of a list with the lines that belong to each; the lines of anything else."""
    item: list[str] = []
    for line in lines:
        if item and (_ITEM.match(line) or not _ITEM.match(item[0])):
            yield "\n".join(item)
            item = []
        item.append(line)
    yield "\n".join(item)


def _fenced(lines: Sequence[str], most: int) -> Iterator[str]:
    """Each piece is code between fences of its own."""
    closed = len(lines) > 1 and _FENCE.match(lines[-1])
    inner = lines[1:-1] if closed else lines[1:]
    yield from _headed(lines[:1], inner, [lines[-1] if closed else lines[0].strip()[:3]], most)


def _headed(head: Sequence[str], lines: Iterable[str], foot: Sequence[str], most: int) -> Iterator[str]:
    """The lines in pieces, each between the same lines as the whole."""
    left = most - sum(len(line) + 1 for line in (*head, *foot))
    if left < most // 2:
        yield from _packed(_split_all((*head, *lines, *foot), most), "\n", most)
        return
    for piece in _packed(_split_all(lines, left), "\n", left):
        yield "\n".join([*head, piece, *foot])


def _split_all(texts: Iterable[str], most: int) -> Iterator[str]:
    for text in texts:
        start = 0
        while len(text) - start > most:
            window = text[start : start + most + 2]  # all that a cut depends on: the rest may be very long
            length = _fitting(window, most)
            yield window[:length].rstrip()
            start = _after_blanks(text, start + length)
        if rest := text[start:].strip():
            yield text[start:] if start == 0 else rest


def _after_blanks(text: str, start: int) -> int:
    found = _NOT_BLANK.search(text, start)
    return found.start() if found else len(text)


def _fitting(text: str, most: int) -> int:
    """How much of the text's beginning is a piece of at most so many characters."""
    beginning = text[: most + 1]
    for border in _BORDERS:
        for end in reversed([match.end() for match in border.finditer(beginning)]):
            used = len(beginning[:end].rstrip())
            if used < most // _LEAST_PART:
                break
            if used <= most and not _continues(text, end):
                return end
    lengths = range(most, most - MOST_MARKS - 1, -1)
    return next((length for length in lengths if not _continues(text, length)), most)


def _continues(text: str, end: int) -> bool:
    """Whether a letter goes on there: with a mark, or joined to the next one."""
    return end < len(text) and (unicodedata.category(text[end])[0] == "M" or "\u200d" in text[end - 1 : end + 1])
