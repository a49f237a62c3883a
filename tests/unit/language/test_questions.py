"""Which words of a question say what it is about."""

import pytest

from app.language.questions import content_runs, is_function_word, parted_verbs, significant_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What are your Opening Hours, please?", ["opening", "hours"]),
        ("the and of", []),
        ("", []),
        ("Wo ist die Straße 7?", ["straße", "7"]),
        ("parcels, parcels", ["parcels", "parcels"]),
        ("Привет мир", ["мир"]),
        ("Où est la gare ?", ["gare"]),
        ("هل عندكم توصيل إلى دبي؟", ["توصيل", "دبي"]),
        ("你们的营业时间是什么？", ["营业时间"]),
    ],
)
def test_words_come_in_lower_case_and_in_order_without_those_of_any_question(text, words) -> None:
    assert significant_words(text) == words


@pytest.mark.parametrize("word", ["für", "FÜR", "fur", "fuer", "könnt", "koennt"])
def test_function_words_are_known_without_their_umlauts(word) -> None:
    assert is_function_word(word, "de")


def test_a_word_is_a_function_word_in_its_own_language_alone() -> None:
    assert is_function_word("die", "de")
    assert not is_function_word("die", "en")
    assert not is_function_word("die", "xx")


@pytest.mark.parametrize(
    ("text", "language", "left"),
    [
        ("返品はできますか", "ja", ["返品"]),
        ("おすすめのお茶は何ですか", "ja", ["おすすめのお", "茶"]),
        ("可以退货吗", "zh", ["退货"]),
        ("可以退货吗", "", ["可以退货吗"]),
        ("茶壶退不退", "zh", ["茶壶", "退"]),
        ("修没修好", "zh", ["修好"]),
    ],
)
def test_pieces_of_any_question_are_left_out_where_there_are_no_blanks(text, language, left) -> None:
    assert content_runs(text, language) == left


def test_german_verbs_are_put_together_where_their_first_part_ends_the_clause() -> None:
    assert ("macht", "aufmacht") in parted_verbs("Wann macht ihr auf?", "de")
    assert ("ruft", "zurückruft") in parted_verbs("Ruft ihr zurück, wenn ich mich melde?", "de")
    assert ("sage", "absage") in parted_verbs("Wo sage ich ab und bis wann", "de")
    assert parted_verbs("Habt ihr das auf Lager?", "de") == []
    assert parted_verbs("What is it made of, and where do I log in", "en") == []
