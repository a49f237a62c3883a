"""What a question that is about nothing in particular asks for, and in which languages these are its words."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.language.phrases import folded, phrases

_PHRASES: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(
    Path(__file__).with_name("small_talk.toml").read_text("utf-8")
)
_OPENINGS = ("greeting", "thanks")
# And no longer word, in a script with blanks, such as "hi-fi".
_AT_THE_BEGINNING = r"^~*(?:{})(?!-?[a-z'\u0430-\u044f\u0621-\u064a])"


def _compiled(kind: str, form: str = "{}") -> Mapping[str, re.Pattern[str]]:
    return {language: phrases(form.format("|".join(alternatives))) for language, alternatives in _PHRASES[kind].items()}


_OPENING = {kind: _compiled(kind, _AT_THE_BEGINNING) for kind in _OPENINGS}
_ANYWHERE = {kind: _compiled(kind) for kind in _PHRASES if kind not in _OPENINGS}


def languages_of(kind: str, question: str) -> Sequence[str]:
    """The languages in whose words the question asks for an `introduction`, the `time`, a `joke`, or something of the
    user's own (`mine`); none where it does not."""
    text = folded(question)
    return [language for language, pattern in _ANYWHERE[kind].items() if pattern.search(text)]


def opening(question: str) -> tuple[str, Sequence[str], str]:
    """With what the question begins, a `greeting` or `thanks`, in the words of which languages, and what follows; "",
    none and all of it where it begins with neither."""
    text = folded(question)
    for kind, patterns in _OPENING.items():
        ends = {language: match.end() for language, pattern in patterns.items() if (match := pattern.match(text))}
        if ends:
            longest = max(ends.values())
            return kind, [language for language, end in ends.items() if end == longest], text[longest:]
    return "", (), text
