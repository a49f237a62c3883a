"""One ranking of two."""

import numpy as np
import pytest

from app.knowledge.documents import Entry
from app.knowledge.index.index import Index, build
from app.knowledge.ranking import ranked
from app.knowledge.vectors import Vectors, normalised

TEXTS = ["The attorney is in on Mondays.", "Dogs wait outside.", "Cars park behind the house.", "We are closed."]


@pytest.fixture
def index(tmp_path):
    build(tmp_path / "index", [Entry("a.md", (), text) for text in TEXTS])
    made = Index(tmp_path / "index")
    yield made
    made.close()


@pytest.fixture
def vectors(tmp_path) -> Vectors:
    with (tmp_path / "vectors").open("wb") as file:
        np.save(file, np.eye(4, dtype=np.float32))
    return Vectors(tmp_path / "vectors")


def test_without_a_vector_it_is_the_words_own(index, vectors) -> None:
    for given in ((None, None), (vectors, None), (None, normalised([1, 0, 0, 0]))):
        (found,) = ranked(index, "dogs", 3, *given)
        assert (found.hit.number, found.words, found.meaning, found.cosine) == (1, 1, None, None)


def test_what_has_no_word_of_the_question_is_found_by_meaning_and_is_not_sure(index, vectors) -> None:
    (found,) = ranked(index, "surgery", 3, vectors, normalised([1, 0, 0, 0]))
    assert (found.hit.entry.text, found.hit.confidence, found.words, found.meaning) == (TEXTS[0], 0, None, 1)
    assert found.cosine == pytest.approx(1)


def test_what_both_find_comes_first_and_keeps_the_words_confidence(index, vectors) -> None:
    found = ranked(index, "dogs and cars", 3, vectors, normalised([3, 0, 2, 0]))
    assert [each.hit.number for each in found] == [2, 0, 1] or [each.hit.number for each in found] == [2, 1, 0]
    assert (found[0].meaning, found[0].hit.confidence > 0) == (2, True)
    assert len(ranked(index, "dogs and cars", 1, vectors, normalised([3, 0, 2, 0]))) == 1
