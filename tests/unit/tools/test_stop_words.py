"""Which words of a question say what it is about."""

import pytest

from app.tools.stop_words import significant_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What are your Opening Hours, please?", ["opening", "hours"]),
        ("the and of", []),
        ("", []),
        ("Wo ist die Straße 7?", ["wo", "ist", "die", "straße", "7"]),
        ("parcels, parcels", ["parcels", "parcels"]),
        ("Привет мир", ["привет", "мир"]),
    ],
)
def test_words_come_in_lower_case_and_in_order_without_those_of_any_question(text, words) -> None:
    assert significant_words(text) == words
