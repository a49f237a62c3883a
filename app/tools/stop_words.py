"""The words of a question that say what it is about."""

import re

_STOP_WORDS = frozenset(
    """a about am an and any are as at be but by can could do does explain for from had has have he her his how i if in
    into is it its know let like me more my no not of on or our please she should so some tell than that the their
    them then there these they this to us was we were what when where which who why will with would you
    your""".split()  # noqa: SIM905 - a list of words reads best as words
)


def significant_words(text: str) -> list[str]:
    """The words of the text in lower case and in their order, without English ones that stand in any question."""
    return [word for word in re.findall(r"\w+", text.lower()) if word not in _STOP_WORDS]
