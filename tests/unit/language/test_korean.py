"""Korean particles do no harm."""

import pytest

from app.language.korean import without_particle


@pytest.mark.parametrize("word", ["배송", "배송은", "배송을", "배송으로", "배송부터", "배송하나요", "배송됩니까"])
def test_a_particle_is_taken_off(word) -> None:
    assert without_particle(word) == "배송"


@pytest.mark.parametrize("word", ["나이", "가", "전화"])
def test_two_syllables_stay(word) -> None:
    assert without_particle(word) == word
