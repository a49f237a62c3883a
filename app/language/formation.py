"""How languages make words of others: by endings, by prefixes, by writing them together. All words here are folded."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_COMPOUNDING = frozenset(("da", "de", "el", "et", "fi", "hu", "ko", "nb", "nl", "sv"))
_ATTACHING = frozenset(("ar", "he"))

# What stands before verbs and the nouns made of them, and apart from them in some sentences.
_PREFIXES = {
    "da": "af an bort frem ind med ned om op til ud be for",
    "de": "zuruck zusammen heraus herein vorbei wieder durch unter uber "
    "ab an auf aus bei ein mit nach vor zu weg los her hin um be ver ent er ge zer",
    "hu": "vissza meg el ki be le fel at",
    "nb": "av an bort frem inn med ned om opp til ut be for",
    "nl": "terug onder over door voor aan af bij in mee na om op toe uit weg be ge her ont ver",
    "sv": "ater bort fram av an in med ned om pa till upp ut be for",
}

_LINKS = ("", "s", "n", "en", "es", "e")  # what may stand between the parts of a compound

# German participles, with what stands before them; and endings that stemmers leave.
_PARTICIPLE = re.compile(f"((?:{_PREFIXES['de'].replace(' ', '|')})?)ge(.{{3,}}?)e?t")
_LEFT = {"de": ("st", "t", "s"), "nl": ("t", "d")}

LEAST = 0.35  # of likeness
_SHORTEST = 4  # letters of a word that others begin with
_SHORTEST_HEAD = 5  # letters of one that they end in, where no more than _SHORTEST are before it
_MOST_ATTACHED = 2  # letters that may stand before a shorter one: articles, conjunctions
_ENOUGH = 0.7  # of the longer word, for two that begin alike
_ALIKE = 0.8  # of what these share
_PREFIXED = 0.7  # of the likeness without prefixes


@dataclass(frozen=True, slots=True)
class Formation:
    """Of one language, or of several that a word may be in.

    - `compounding`: whether words are written together. `attaching`: whether articles and conjunctions are written on.
    """

    compounding: bool
    attaching: bool
    prefixes: tuple[str, ...]

    @classmethod
    def of(cls, languages: Collection[str]) -> "Formation":
        prefixes = {prefix for language in languages for prefix in _PREFIXES.get(language, "").split()}
        longest_first = tuple(sorted(prefixes, key=lambda each: (-len(each), each)))
        return cls(not _COMPOUNDING.isdisjoint(languages), not _ATTACHING.isdisjoint(languages), longest_first)

    def bare(self, word: str) -> list[str]:
        """The word without each prefix that it begins with; three letters stay."""
        if not word.startswith(self.prefixes):
            return []
        return [word[len(each) :] for each in self.prefixes if word.startswith(each) and len(word) - len(each) >= 3]

    def prefixed(self, word: str) -> list[str]:
        """The word, and what is left of it without its longest prefix, behind every prefix and without one."""
        stems = [word, *self.bare(word)[:1]]
        return [prefix + stem for stem in stems for prefix in ("", *self.prefixes) if prefix + stem != word]

    def parts(self, word: str) -> list[str]:
        """What the word may be written together of."""
        cuts = range(4, len(word) - 3) if self.compounding else ()
        return [part for cut in cuts for part in (word[:cut], word[cut:])]

    def cuts(self, word: str) -> list[tuple[str, str]]:
        """Each two words that it may be written together of, the second its head; longer first words come first."""
        whole = [(word[:cut], word[cut:]) for cut in range(len(word) - 3, 3, -1)] if self.compounding else []
        return [
            (first[: len(first) - len(link)], head) for first, head in whole for link in _LINKS if _linked(first, link)
        ]

    def likeness(self, one: str, other: str) -> float:
        """From LEAST to 1, the same, by how much of the longer word both have; 0 where they are not related."""
        best = self._as_written(one, other)
        if best < _PREFIXED and (bare := (self.bare(one), self.bare(other))) != ([], []):
            both = [(stem, of_other) for stem in (one, *bare[0]) for of_other in (other, *bare[1])]
            best = max(best, _PREFIXED * max(_by_beginning(stem, of_other) for stem, of_other in both[1:]))
        return best if best >= LEAST else 0.0

    def _as_written(self, one: str, other: str) -> float:
        short, long = (one, other) if len(one) <= len(other) else (other, one)
        if not long.endswith(short) or short.isdecimal():  # as most
            return _by_beginning(short, long)
        first = len(long) - len(short)
        head = self.compounding and len(short) >= (_SHORTEST if first > _SHORTEST else _SHORTEST_HEAD)
        attached = self.attaching and len(short) >= _SHORTEST and first <= _MOST_ATTACHED
        return _share(short, long) if head or attached else _by_beginning(short, long)


def plainer(word: str, language: str) -> Iterator[str]:
    """What a stem may be a form of that the language's stemmer leaves: `abgeholt` of `abhol`, `liefert` of `liefer`."""
    if language == "de" and (participle := _PARTICIPLE.fullmatch(word)):
        yield participle[1] + participle[2]
    for ending in _LEFT.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            yield word.removesuffix(ending)
    if language == "de":
        yield f"{word}ung"


def in_compounds(stem: str) -> str:
    """What a German stem is at the end of a compound, of which the stemmer takes off more: `rechn` of `rechnung`."""
    short = stem.removesuffix("ung")
    return short if len(short) >= _SHORTEST else stem


def _linked(first: str, link: str) -> bool:
    """Whether the first part of a compound may end in the link; four letters stay."""
    return first.endswith(link) and len(first) - len(link) >= _SHORTEST


def _by_beginning(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if one[:_SHORTEST] != other[:_SHORTEST]:  # as most; one that is shorter has fewer letters there
        return 0.0
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if any(map(str.isdecimal, short)):
        return 0.0
    if long.startswith(short):
        return _share(short, long)
    alike = common_beginning(one, other)
    return _ALIKE * alike / len(long) if alike >= _ENOUGH * len(long) else 0.0


def _share(short: str, long: str) -> float:
    return 0.3 + 0.6 * len(short) / len(long)


def common_beginning(one: str, other: str) -> int:
    """How many letters both begin with."""
    for index, (letter, same) in enumerate(zip(one, other, strict=False)):
        if letter != same:
            return index
    return min(len(one), len(other))


def one_mistake(one: str, other: str) -> bool:
    """Whether one is the other with a letter added, left out or replaced, or two swapped; of five letters or more."""
    if min(len(one), len(other)) < 5 or abs(len(one) - len(other)) > 1:
        return False
    begin = common_beginning(one, other)
    one, other = one[begin:], other[begin:]
    swapped = one[:2] == other[1::-1] and one[2:] == other[2:]
    return swapped or one[1:] == other[1:] or one[1:] == other or one == other[1:]
