"""Words of a list that stand in a text without blanks between words."""

from collections.abc import Iterable

from app.language.folding import simplified
from app.language.questions import MORE, may_be_function_words
from app.language.words import is_han, is_hiragana, is_katakana

ENOUGH = 4  # letters of a word in Katakana, to be found within a longer one

Place = tuple[int, int]  # where a word begins and ends


class Listed:
    def __init__(self, words: Iterable[str], language: str) -> None:
        self._language = language
        self._words = frozenset(map(_plain, words))
        self._longest = max(map(len, self._words), default=0)

    def places(self, text: str, left: str) -> list[Place]:
        """Of the text's words, from left to right the longest; `left` has blanks instead of those left out.

        A single character is a word only where nothing beside it may belong to it.
        """
        text = _plain(text)
        found: list[Place] = []
        end = 0
        for begin in range(len(text)):
            if begin >= end and (longest := self._longest_at(text, left, begin)):
                end = begin + longest
                found.append((begin, end))
        edges = {edge for place in found for edge in place}
        taken = {index for place in found for index in range(*place)}
        alone = (
            index
            for index, character in enumerate(simplified(left))
            if character in self._words
            and index not in taken
            and (index in edges or self._apart(left[index - 1 : index]))
            and (index + 1 in edges or self._apart(left[index + 1 : index + 2]))
        )
        return found + [(index, index + 1) for index in alone]

    def _longest_at(self, text: str, left: str, begin: int) -> int:
        """How long the longest word of two characters or more is that begins there; 0 where none does."""
        lengths = range(min(self._longest, len(text) - begin), 1, -1)
        return next((length for length in lengths if self._is_one(text, left, begin, begin + length)), 0)

    def _is_one(self, text: str, left: str, begin: int, end: int) -> bool:
        word = text[begin:end]
        if word not in self._words or left[begin] == MORE:
            return False
        if left[end : end + 1] == MORE and not is_hiragana(word[-1]):  # an ending goes on as it likes
            return False
        around = text[begin - 1 : begin] + text[end : end + 1]
        return len(word) >= ENOUGH or not is_katakana(word) or not any(map(is_katakana, around))

    def _apart(self, character: str) -> bool:
        return not is_han(character) or may_be_function_words(character, self._language)


def _plain(text: str) -> str:
    """As long as it was."""
    lower = text.lower()
    return simplified(lower if len(lower) == len(text) else text)
