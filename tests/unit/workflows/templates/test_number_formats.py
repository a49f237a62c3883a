"""Numbers as languages write them."""

from decimal import Decimal

import pytest

from app.workflows.templates.number_formats import write_number

MILLION = Decimal("-1234567.505")


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "-1,234,567.51"),
        ("de", "-1.234.567,51"),
        ("de-CH", "-1\u2019234\u2019567.51"),
        ("DE_ch", "-1\u2019234\u2019567.51"),
        ("fr", "-1\u202f234\u202f567,51"),
        ("sv-FI", "-1\u00a0234\u00a0567,51"),
        ("pt", "-1.234.567,51"),
        ("pt-PT", "-1\u00a0234\u00a0567,51"),
        ("hi", "-12,34,567.51"),
        ("en-IN", "-12,34,567.51"),
        ("bn", "-\u09e7\u09e8,\u09e9\u09ea,\u09eb\u09ec\u09ed.\u09eb\u09e7"),
        ("fa", "-\u06f1\u066c\u06f2\u06f3\u06f4\u066c\u06f5\u06f6\u06f7\u066b\u06f5\u06f1"),
        ("ja", "-1,234,567.51"),
        ("xx-unknown", "-1,234,567.51"),
    ],
)
def test_each_language_has_its_signs_groups_and_digits(language, written) -> None:
    assert write_number(MILLION, 2, language) == written


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [("40", 2, "40"), ("47.60", 2, "47.6"), ("1469.055", 2, "1,469.06"), ("2.5", 0, "3"), ("-0.001", 2, "0")],
)
def test_a_number_has_no_more_digits_than_it_needs_and_halves_go_up(value, digits, written) -> None:
    assert write_number(Decimal(value), digits, "en") == written


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999999999", "1e-999999999"])
def test_what_cannot_be_written_is_refused(value) -> None:
    with pytest.raises(ValueError, match="not a number"):
        write_number(Decimal(value), 2, "en")
