"""A question's words have those of the same meaning."""

from app.knowledge.index.query import ROOT_SYNONYM_WEIGHT, SYNONYM_WEIGHT, Languages
from app.language.stems import Stems


def of_repair(question: str) -> float:
    """How near a question of one Arabic word is to one that means to repair, and that shares no letters with it."""
    (word,) = Languages({"ar": 1}).wanted(question)
    return word.terms.get(Stems("ar").term("صيانة"), 0.0)


def test_a_word_has_those_of_its_meaning() -> None:
    assert of_repair("تصليح") == SYNONYM_WEIGHT


def test_a_form_that_no_list_has_has_those_of_its_root() -> None:
    assert of_repair("بيصلحوه") == ROOT_SYNONYM_WEIGHT


def test_a_word_of_another_root_has_none_of_these() -> None:
    assert of_repair("بيشحنوه") == 0
