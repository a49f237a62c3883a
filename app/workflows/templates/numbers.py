"""Finds numbers in what people write, whatever signs and digits they use for them.

What a comma or a point means follows from the number itself where it can:

- Both are there: the last one is the decimal sign (`1,234.50`, `1.234,50`).
- One of them, more than once: it groups (`12,000,000`, `12,34,567`).
- One of them, once, with other than three digits behind it, more than three or a zero before it: the decimal sign
  (`12,50`, `1234,567`, `0,125`).
- `1,234` and `1.234` may be either. Where it is how the language groups, it groups. Else both readings are possible:
  the language's decimal sign is first read as that, any other as grouping, as three decimal places are rare.

Blanks of any width and apostrophes only group, threes of digits. Groups have three digits, or two with three at the
end. What has several signs that do not group (dates, versions, addresses, lists without blanks) is no number; nor are
`2026-11-28`, `28/11/2026`, `12:30`.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal

from app.workflows.templates.number_formats import format_of
from app.workflows.templates.number_words import powers_of

MOST_SEARCHED = 4_000  # characters, which take 50 ms at worst
MOST_DIGITS = 28  # of a number: Python's decimals keep so many

# Each sign as the one that is read in its place; marks of direction, which stand before signs, as nothing.
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u2007\u2008\u2009\u202f\u2002\u2003\u2004\u2005\u2006\u200a\u205f\u3000", " "),
        **dict.fromkeys("\u2019\u2018\u02bc\u2032\uff07`\u00b4\u066c_", "'"),
        **dict.fromkeys("\u2212\u2012\u2013\ufe63\uff0d\u2010\u2011\u207b", "-"),
        **dict.fromkeys("\uff0c\ufe50\u060c", ","),
        **dict.fromkeys("\uff0e\ufe52", "."),
        **dict.fromkeys("\u200e\u200f\u061c\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e\ufeff\u200b"),
        "\uff0b": "+",
        "\uff0f": "/",
        "\uff1a": ":",
    }
)
_DECIMAL = "\u066b"  # Arabic's own sign, which nothing else is written with
_VOWELS = r"\u0900-\u0e4f"  # India's and Thailand's among other letters: Python takes them for none

_NUMBER = re.compile(
    r"(?P<none>(?<!\d)(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,4}/\d{1,2}/\d{1,4}|\d{1,2}:\d{2}(?::\d{2})?)(?!\d))"
    r"|(?P<minus>(?:(?<![\w.,')])-|(?<!\w)(?i:minus|negative|\u043c\u0438\u043d\u0443\u0441) )"
    r"(?:(?:[^\w\s.,'-]|[A-Z]{3}) ?)?)?"
    rf"(?P<digits>(?:(?<![\w.,'{_DECIMAL}])[.,{_DECIMAL}])?\d+(?:[.,' {_DECIMAL}]\d+){{0,8}})"
    r"(?P<power>[eE][+-]?\d{1,2}(?!\w))?"
    rf"(?: ?(?P<times>[^\W\d_](?:[^\W\d_]|[{_VOWELS}])*))?"
)


def read_numbers(text: str, language: str) -> Iterator[list[str]]:
    """Of each number in the first MOST_SEARCHED characters its possible readings, the likeliest first, as plain text
    such as `-1234.50`."""
    plain = _plain(text[:MOST_SEARCHED])
    position = 0
    while match := _NUMBER.search(plain, position):
        position = match.end("none")
        if match["none"] is None:
            readings, position = _readings(match, language)
            if readings:
                yield readings


def _plain(text: str) -> str:
    """With ASCII's digits and signs for all others."""
    if text.isascii():
        return text.translate(_SIGNS)
    digits = {ord(each): str(unicodedata.decimal(each)) for each in set(text) if each.isdecimal()}
    return text.translate(_SIGNS).translate(digits)


def _readings(match: re.Match[str], language: str) -> tuple[list[str], int]:
    """The readings of what was found, none where that is no number, and where to go on."""
    written, end = match["digits"], match.end("digits")
    values = _values(written, language)
    while not values and " " in written:  # several numbers, with blanks between them
        written = written.rpartition(" ")[0]
        end = match.start("digits") + len(written)
        values = _values(written, language)
    behind = match.string[end : end + 2].lstrip(" ")[:1]
    if not values or unicodedata.category(behind or " ") == "No" or sum(map(str.isdigit, written)) > MOST_DIGITS:
        return [], end  # the second: a fraction, or a raised digit
    sign = "-" if match["minus"] else ""
    powers = _powers(match) if end == match.end("digits") else (0,)
    numbers = [f"{Decimal(sign + value).scaleb(power):f}" for power in powers for value in values]
    return numbers, match.end("power") if match["power"] else end


def _powers(match: re.Match[str]) -> Sequence[int]:
    """By which powers of ten the number may be multiplied, the likeliest first."""
    if match["power"]:
        return (int(match["power"][1:]),)
    return powers_of(match["times"] or "")


def _values(written: str, language: str) -> list[str]:
    """The possible values of digits with signs between them, with a point for the decimal sign."""
    if not written[0].isdigit():
        return ["0." + written[1:]] if written[1:].isdigit() else []
    parts, signs = re.findall(r"\d+", written), re.findall(r"\D", written)
    kinds, grouped = list(dict.fromkeys(signs)), "".join(parts)
    if not signs:
        return [grouped]
    if len(kinds) == 1 and (kinds[0] in "' " or len(signs) > 1):
        return [grouped] if kinds[0] != _DECIMAL and _are_groups(parts) else []
    with_fraction = f"{''.join(parts[:-1])}.{parts[-1]}"
    if len(kinds) == 1:
        may_group = kinds[0] != _DECIMAL and _are_groups(parts)
        return _either(kinds[0], grouped, with_fraction, language) if may_group else [with_fraction]
    ends_well = len(kinds) == 2 and kinds[0] != _DECIMAL and signs.count(kinds[1]) == 1 and kinds[1] in ".," + _DECIMAL
    return [with_fraction] if ends_well and signs[-1] == kinds[1] and _are_groups(parts[:-1]) else []


def _either(sign: str, grouped: str, with_fraction: str, language: str) -> list[str]:
    """The readings of a number with one comma or point, and three digits behind it."""
    written = format_of(language)
    if sign == written.group:
        return [grouped]
    return [with_fraction, grouped] if sign == written.decimal else [grouped, with_fraction]


def _are_groups(parts: Sequence[str]) -> bool:
    first, *between, last = parts
    sizes = {len(each) for each in between}
    return (
        first[0] != "0" and len(last) == 3 and len(first) <= 3 and (sizes <= {3} or (sizes == {2} and len(first) < 3))
    )
