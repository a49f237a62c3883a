"""Phrases are found however people write them."""

import pytest

from app.language.phrases import MOST_CHARACTERS, folded, phrases


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("MÖCHTE", "mochte"), ("Grüße", "grusse"), ("İstanbul IŞIK", "istanbul isik"), ("ışık", "isik"),
        ("człowiek", "czlowiek"), ("l\u2019heure", "l'heure"), ("живой", "живои"), ("أريدُ إلى خدمة", "اريد الي خدمه"),
        ("ＨＥＬＬＯ", "hello"), ("ｵﾍﾟﾚｰﾀｰ", folded("オペレーター")), ("e\u0301", "e"), ("…", "..."),
    ],
)  # fmt: skip
def test_case_accents_and_widths_do_not_count(written, same) -> None:
    assert folded(written) == same


def test_letters_that_are_not_the_same_stay_apart() -> None:
    assert folded("が") != folded("か"), "in Japanese the mark makes another letter"
    assert folded("ñ") == folded("n"), "in Spanish people leave it out"


def test_only_the_beginning_is_looked_at() -> None:
    assert len(folded("é" * 10_000)) == MOST_CHARACTERS


def test_between_the_words_of_a_phrase_there_may_be_four_others() -> None:
    asked = phrases(r"möchte~+…mensch\w*")
    assert asked.search(folded("Ich MÖCHTE gern mit einem echten Menschen reden"))
    assert asked.search(folded("moechte Mensch")) is None
    assert asked.search(folded("möchte Mensch"))
    assert asked.search(folded("möchte eins zwei drei vier fünf Menschen")) is None
