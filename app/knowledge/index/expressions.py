"""Expressions: words that mean something else together than each of them does, as `put off`, `how much`, `second-hand`.

In a list of words of the same meaning (app/language/synonyms) an expression has underscores between its words, two of
them where others may stand there: `send__back`, as in `send them back`. It is looked for in questions only.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

MOST_BETWEEN = 3  # words that may stand within an expression


def is_expression(written: str) -> bool:
    return "_" in written


@dataclass(frozen=True, slots=True)
class Expression:
    """`terms`: of its words. `apart`: whether others may stand between. `same`: the terms of the same meaning."""

    terms: tuple[str, ...]
    apart: bool
    same: frozenset[str]

    def places(self, asked: Sequence[str], first: int) -> list[int]:
        """Where its terms are among those asked for, from the first on; none where they are not."""
        found = [first]
        for term in self.terms[1:]:
            begin = found[-1] + 1
            near = asked[begin : begin + 1 + (MOST_BETWEEN if self.apart else 0)]
            if term not in near:
                return []
            found.append(begin + near.index(term))
        return found


class Expressions:
    """Those of one language, by their first terms; longer ones come first."""

    def __init__(self, groups: Iterable[Collection[str]], term: Callable[[str], str]) -> None:
        """`groups`: of words of the same meaning, and expressions. `term`: of a word."""
        same: dict[tuple[str, ...], frozenset[str]] = {}
        for group in groups:
            terms = frozenset(term(word) for word in group if not is_expression(word))
            for written in filter(is_expression, group):
                key = tuple(map(term, written.split("_")))
                same[key] = same.get(key, frozenset()) | terms
        self._by_first: dict[str, list[Expression]] = {}
        for key in sorted(same, key=lambda key: -len(key)):
            expression = Expression(tuple(filter(None, key)), "" in key, same[key])
            self._by_first.setdefault(key[0], []).append(expression)

    def __bool__(self) -> bool:
        """Whether the language has any."""
        return bool(self._by_first)

    def said(self, asked: Sequence[str]) -> Iterator[tuple[list[int], frozenset[str]]]:
        """The places of each expression among the terms of a question, with the terms of the same meaning."""
        taken: set[int] = set()
        for first, term in enumerate(asked):
            for expression in self._by_first.get(term, ()):
                places = expression.places(asked, first)
                if places and taken.isdisjoint(places):
                    taken.update(places)
                    yield places, expression.same
