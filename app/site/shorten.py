"""JavaScript made shorter, as it is sent: without comments and white space, and with short names for its own.

For scripts in which every statement ends with a semicolon or a brace, so that no line's end is needed, in which no
block begins with a name that a colon or a comma follows, and no object has a method in the short form. Tokens are those
of ECMA-262, section 12.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, product
from string import ascii_letters
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*|/\*.*?\*/)+)|(?P<word>[\w$]+)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|(?P<slash>/)"""
    r"""|(?P<template>`(?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{))|(?P<brace>\})|\?\.(?!\d)|\.\.\.|=>|\+\+|--|.""",
    re.DOTALL,
)
_REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_REST = re.compile(r"\}(?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)", re.DOTALL)  # of a template, behind an expression
_BEFORE_VALUES = {"return", "typeof", "case", "of", "in", "throw", "await", "void", "else", "new", "delete"}
_DECLARED = re.compile(r"^(?:(?:async )?function|const|let|class) ([\w$]+)", re.MULTILINE)
_RESERVED = {"as", "do", "if", "in", "of", "is"}
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_PROPERTY = frozenset("{,"), frozenset(":,}=")  # what stands around the names of an object's properties


class _Token(NamedTuple):
    """`inside` is the bracket around it."""

    text: str
    is_word: bool
    inside: str


def shortened(script: str) -> str:
    """The same program. What is declared at the beginning of a line is the script's own, and gets another name, unless
    it is the name of some property, too."""
    tokens = list(_tokens(script))
    names = _short_names(tokens, set(_DECLARED.findall(script)))
    written, before = [], " "
    for text, is_word, _ in tokens:
        if (is_word and (before.isalnum() or before in "_$")) or (before == text[0] and before in "+-"):
            written.append(" ")
        written.append(names.get(text, text))
        before = text[-1]
    return "".join(written)


def _tokens(script: str) -> Iterator[_Token]:
    at, brackets, last, is_word = 0, [""], "", False
    while match := _TOKEN.match(script, at):
        if match.lastgroup == "slash" and not _ends_value(last, is_word):
            match = _REGEX.match(script, at) or match
        elif match.lastgroup == "brace" and brackets[-1] == "${":
            match = _REST.match(script, at) or match
        at = match.end()
        if match.lastgroup == "space":
            continue
        last, is_word = match[0], match.lastgroup == "word"
        if last in _CLOSING or (last[0] == "}" and len(last) > 1):
            brackets.pop()
        yield _Token(last, is_word, brackets[-1])
        if last in _OPENING:
            brackets.append(last)
        elif last[0] in "`}" and last.endswith("${"):
            brackets.append("${")


def _ends_value(text: str, is_word: bool) -> bool:
    """Whether a slash behind it divides, and begins no regular expression."""
    return text not in _BEFORE_VALUES if is_word else text[-1:] in {")", "]", "}", '"', "'", "`"}


def _short_names(tokens: Sequence[_Token], own: set[str]) -> dict[str, str]:
    """For those of the names that no property has, the shortest for the most frequent."""
    before, after = _PROPERTY
    for index, (text, is_word, inside) in enumerate(tokens):
        if is_word and text in own:
            left, right = tokens[index - 1].text, tokens[index + 1].text
            if left in {".", "?."} or (inside == "{" and left in before and right in after):
                own.discard(text)
    counted = Counter(token.text for token in tokens if token.is_word)
    fresh = (name for name in _all_names() if name not in counted and name not in _RESERVED)
    return {name: next(fresh) for name, _ in counted.most_common() if name in own}


def _all_names() -> Iterator[str]:
    return ("".join(letters) for length in count(1) for letters in product(ascii_letters, repeat=length))
