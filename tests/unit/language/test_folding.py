"""What writers leave out or write in several ways is the same when folded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.language.folding import fold, simplified


@pytest.mark.parametrize(
    "same",
    [
        ("Straße", "STRASSE", "strasse"),
        ("Café", "CAFÉ", "cafe", "cafe\u0301"),
        ("smørrebrød", "smorrebrod"),
        ("łódź", "LODZ"),
        ("İstanbul", "istanbul", "ıstanbul"),
        ("إلغاء", "الغاء", "أَلغاء", "الغـــاء"),
        ("هدية", "هديه"),
        ("مستشفى", "مستشفي"),
        ("کتاب", "كتاب"),
        ("١٢٣", "۱۲۳", "१२३", "123"),
        ("ёлка", "елка"),
        ("שָׁלוֹם", "שלום"),
        ("Άνοιξη", "ανοιξη"),
        ("營業時間", "营业时间"),
    ],
)
def test_ways_to_write_a_word_are_one(same) -> None:
    assert len(set(map(fold, same))) == 1


def test_syllables_of_hangul_begin_alike() -> None:
    assert fold("보낸").startswith(fold("보내")[:3])


def test_vowels_of_indic_scripts_stay() -> None:
    assert fold("कि") != fold("का")


@given(st.text())
def test_folding_twice_changes_nothing_more(text) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_simplified_characters_stand_where_the_traditional_ones_did(text) -> None:
    assert len(simplified(text)) == len(text)
    assert fold(simplified(text)) == fold(text)
