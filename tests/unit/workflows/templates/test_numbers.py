"""Numbers as people write them."""

from decimal import Decimal
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.workflows.templates.number_formats import write_number
from app.workflows.templates.numbers import MOST_SEARCHED, read_numbers

SURE = {
    "What is 40 euros with tax?": "40",
    "12,50 euros": "12.50",
    "1,234.50 euros": "1234.50",
    "Was sind 1.234,56 € mit Steuer?": "1234.56",
    "12,000,000": "12000000",
    "1.234.567,89": "1234567.89",
    "1 234,50 €": "1234.50",
    "1\u202f234\u202f567,5": "1234567.5",
    "1\u00a0234": "1234",
    "1'234.50 CHF": "1234.50",
    "1\u2019234\u2019567": "1234567",
    "\u22125 euros": "-5",
    "-\u20ac1,234.50": "-1234.50",
    "EUR\u00a0\u22121.234,50": "-1234.50",
    "\u200f-\u0665": "-5",
    "\u0661\u0662\u0660 \u064a\u0648\u0631\u0648": "120",
    "\u0661\u066c\u0662\u0663\u0664\u066b\u0665\u0660": "1234.50",
    "\u0661\u066b\u0662\u0663\u0664": "1.234",
    "\u06f1\u06f2\u06f3\u06f4": "1234",
    "\u0967\u0968,\u0969\u096a,\u096b\u096c\u096d.\u096e\u096f": "1234567.89",
    "\uff11\uff12\u30e6\u30fc\u30ed": "12",
    "\uff11\uff0c\uff12\uff13\uff14\uff0e\uff15": "1234.5",
    "12,34,567.89": "1234567.89",
    "Rs. 1,00,000": "100000",
    "Rs.500": "500",
    "It is 5.": "5",
    ".5": "0.5",
    "0,125": "0.125",
    "1234,567": "1234.567",
    "1e3": "1000",
    "40,- \u20ac": "40",
    "007": "7",
    "1.5 million": "1500000",
    "2k": "2000",
    "3,5 Mio. \u20ac": "3500000",
    "5\u4e07\u5186": "50000",
    "3\u767e\u4e07\u5186": "3000000",
    "3\ub9cc\uc6d0": "30000",
    "5\u0e1e\u0e31\u0e19\u0e1a\u0e32\u0e17": "5000",
    "5 \u0932\u093e\u0916 \u0930\u0941\u092a\u092f\u0947": "500000",
    "5 \u0647\u0632\u0627\u0631 \u062a\u0648\u0645\u0627\u0646": "5000",
    "5 \u0442\u044b\u0441. \u0440\u0443\u0431\u043b\u0435\u0439": "5000",
    "50 ribu": "50000",
    "1 mill\u00f3n": "1000000",
    "5 Mio\u20ac": "5000000",
    "2k\u20ac": "2000",
    "40 TEUR": "40000",
    "15 hundred dollars": "1500",
    "By 28.11.2026, 12:30, with v1.2.3: 40": "40",
    "2026-11-28 or 28/11/2026: 40": "40",
    "- 5 apples": "5",
    "Minus 5 euros": "-5",
    "minus \u20ac5": "-5",
}
NONE = ["", "none", "28.11.2026", "2026-11-28", "1/2/2026", "12:30", "1.2.3", "192.168.1.10", "1,23,4", "3,4,5"]
NONE += ["2\u00bd", "2 \u00bd euros", "5\u00b2", "9" * 40, "..."]


@pytest.mark.parametrize("written", SURE)
def test_what_can_be_read_in_one_way_is_read_so_whatever_the_language(written) -> None:
    for language in ("en", "de", "fr", "de-CH", "hi", "ar-EG", "unknown"):
        assert [*read_numbers(written, language)] == [[SURE[written]]]


@pytest.mark.parametrize("written", NONE)
def test_what_is_no_number_is_none(written) -> None:
    assert [*read_numbers(written, "en")] == []


@pytest.mark.parametrize(
    ("written", "language", "readings"),
    [
        ("1,000 euros", "en", ["1000"]),
        ("1,000 euros", "hi", ["1000"]),
        ("1,000 euros", "de", ["1.000", "1000"]),
        ("1,000 euros", "de-CH", ["1000", "1.000"]),
        ("1.234", "de", ["1234"]),
        ("1.234", "en", ["1.234", "1234"]),
        ("1.234", "fr", ["1234", "1.234"]),
        ("\u22121.234", "en", ["-1.234", "-1234"]),
        ("1.234 million", "en", ["1234000", "1234000000"]),
        ("1.5m", "en", ["1.5", "1500000"]),
        ("5 M\u20ac", "fr", ["5", "5000000"]),
        ("$40B", "en", ["40", "40000000000"]),
        ("40 T\u20ac", "de", ["40", "40000"]),
        ("5 bin lira", "tr", ["5", "5000"]),
    ],
)
def test_what_may_mean_either_is_what_the_language_says_or_both(written, language, readings) -> None:
    assert [*read_numbers(written, language)] == [readings]


@pytest.mark.parametrize(
    ("written", "readings"),
    [
        ("3 chairs at 40,50 each", [["3"], ["40.50"]]),
        ("10\u201320 euros", [["10"], ["20"]]),
        ("12,50 100", [["12.50"], ["100"]]),
        ("40 minus 5", [["40"], ["-5"]]),
        ("room 12 3000", [["12"], ["3000"]]),
    ],
)
def test_several_numbers_are_several(written, readings) -> None:
    assert [*read_numbers(written, "en")] == readings


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from(["en", "de", "fr", "de-CH", "hi", "fa", "ar-EG", "sv"]))
def test_what_a_language_writes_is_read_again(number, language) -> None:
    written = write_number(number, 2, language)
    (readings,) = read_numbers(written, language)
    assert Decimal(readings[0]) == number


@pytest.mark.parametrize(
    "piece",
    ["1 ", "1,2,3 ", "1.", "1'1 ", "12:30", "-", "$-", "1e9", "1k", "minus ", "minus 1", ".5", "\u0661\u066b", "1-"],
)
def test_no_text_takes_long(piece) -> None:
    started = process_time()
    assert len([*read_numbers(piece * MOST_SEARCHED, "en")]) <= MOST_SEARCHED
    assert process_time() - started < 1


@given(st.text())
def test_no_text_breaks_it(text) -> None:
    for readings in read_numbers(text, "en"):
        assert [Decimal(each) for each in readings]
