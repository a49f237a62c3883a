"""Words behind a number in the place of its zeros."""

import pytest

from app.workflows.templates.number_words import powers_of


@pytest.mark.parametrize(
    ("word", "powers"),
    [
        ("thousand", (3,)),
        ("MIO", (6,)),
        ("\u043c\u043b\u043d", (6,)),  # Russian
        ("\u0647\u0632\u0627\u0631", (3,)),  # Persian
        ("\u0932\u093e\u0916", (5,)),  # Hindi
        ("ngh\u00ecn", (3,)),  # Vietnamese
        ("\u767e\u4e07\u5186", (6,)),  # Japanese, with the currency behind it
        ("\ub9cc\uc6d0", (4,)),  # Korean, likewise
        ("\u0e1e\u0e31\u0e19\u0e1a\u0e32\u0e17", (3,)),  # Thai, likewise
        ("m", (0, 6)),
        ("bin", (0, 3)),
        ("euros", (0,)),
        ("kg", (0,)),
        ("", (0,)),
    ],
)
def test_a_word_multiplies_or_does_not_or_may(word, powers) -> None:
    assert powers_of(word) == powers
