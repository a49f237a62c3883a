"""Words are found in any script."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.language.words import MOST_LETTERS, is_han, normal, pairs, pieces, runs, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("l'eau isn't", ["l", "eau", "isn", "t"]),
        ("AB-1234, 3.50 €", ["AB", "1234", "3", "50"]),
        ("snake_case", ["snake", "case"]),
        ("u\u0308ber", ["über"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("مُنتَج جديد", ["مُنتَج", "جديد"]),
        ("\uff21\uff22\uff23", ["ABC"]),
        ("iPhone用ケース", ["iPhone"]),
        ("\x00 \ud800 🙂 !", []),
    ],
)
def test_a_word_is_letters_digits_and_marks(text, found) -> None:
    assert words(normal(text)) == found


def test_a_word_has_an_end() -> None:
    assert words("x" * 1000) == ["x" * MOST_LETTERS]


def test_runs_are_in_one_script_each() -> None:
    assert runs("iPhone用のケース、送料 ภาษาไทย") == ["用", "の", "ケース", "送料", "ภาษาไทย"]


@pytest.mark.parametrize(
    ("run", "found"),
    [
        ("营业时间", ["营业", "业时", "时间"]),
        ("茶", ["茶"]),
        ("ケース", ["ケース"]),
        ("จัดส่ง", ["จัด", "ดส่", "ส่ง"]),
    ],
)
def test_a_run_is_cut_into_pairs_with_their_marks(run, found) -> None:
    assert pairs(run) == found


def test_each_character_of_han_is_a_word_besides() -> None:
    assert Counter(pieces("茶 营业")) == Counter(["茶", "营业", "营", "业"])
    assert pieces("です") == ["です"]


@given(
    st.lists(st.sampled_from(["茶", "营", "々", "で", "す", "ケ" * 40, "ス", "ー", "จ", "ั", "。", "a"])).map("".join)
)
def test_pieces_are_the_pairs_of_each_run_and_its_characters_of_han(text) -> None:
    of_runs = [pair for run in runs(text) for pair in pairs(run)]
    characters = [character for run in runs(text) if is_han(run) and len(run) > 1 for character in run]
    assert Counter(pieces(text)) == Counter(of_runs + characters)


@given(st.text())
def test_any_text_has_words_with_an_end(text) -> None:
    assert all(0 < len(word) <= MOST_LETTERS for word in words(normal(text)))
    assert all(pieces(normal(text)))
