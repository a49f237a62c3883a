"""What of an agent's knowledge an answer may be based on, as its readers are shown it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.engine.events import SourceFound, ToolReturned
from app.engine.prompt import Passage
from app.language.folding import fold
from app.language.questions import significant_words
from app.language.words import pairs, runs

MOST_SOURCES = 3  # of one search
MOST_CHARACTERS = 4000  # of an answer are looked at
LEAST_WORDS = 2  # of an answer's that a passage has
LEAST_SHARE = 0.4


class Sources:
    """Of one answer. A model is given the best passages that are about anything in the question, and most of them are
    about something else; but what is shown below an answer is a promise. So those that answer the question by
    themselves are told at once, and of the others those from which the answer has words, at its end."""

    def __init__(self) -> None:
        self._unsure: dict[str, Mapping[str, Any]] = {}  # passages by their texts

    def given(self, passages: Sequence[Passage]) -> Sequence[SourceFound]:
        """Those among the passages of a prompt."""
        return self._sure(map(asdict, passages))

    def returned(self, batch: Sequence[ToolReturned]) -> Sequence[SourceFound]:
        """Those among the passages that the tool `knowledge` returned."""
        return self._sure(_passages(batch))

    def used(self, question: str, answer: str) -> Sequence[SourceFound]:
        """Those that are not told yet: the passages that have enough of the words which the answer says beyond those of
        the question. At worst a few milliseconds."""
        if not self._unsure:
            return []
        said = _terms(answer) - _terms(question)
        least = max(LEAST_WORDS, LEAST_SHARE * len(said))
        found = [
            each
            for each in self._unsure.values()
            if len(said & _terms(f"{each['source']}\n{each['title']}\n{each['text']}")) >= least
        ]
        return _events(found)

    def _sure(self, passages: Iterable[Mapping[str, Any]]) -> Sequence[SourceFound]:
        sure = []
        for passage in passages:
            if passage["confident"]:
                sure.append(passage)
            else:
                self._unsure[passage["text"]] = passage
        return _events(sure)


def _passages(batch: Sequence[ToolReturned]) -> Iterator[Mapping[str, Any]]:
    for returned in batch:
        if returned.name == "knowledge" and not returned.is_error and isinstance(returned.result, Mapping):
            yield from returned.result.get("passages", ())


def _events(passages: Sequence[Mapping[str, Any]]) -> list[SourceFound]:
    return [SourceFound(each["source"], each["title"], each["url"]) for each in passages[:MOST_SOURCES]]


def _terms(text: str) -> set[str]:
    found: set[str] = set()
    for word in significant_words(text[:MOST_CHARACTERS]):
        found.update(pairs(word) if runs(word) else (fold(word),))
    return found
