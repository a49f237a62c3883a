"""How a language writes numbers: its signs and digits, as Unicode's CLDR 48 has them (`decimal`, `group`, the pattern
`#,##0.###`, the default numbering system). A library for these few signs (Babel) weighs 36 MB.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

MOST_DIGITS = 15  # behind the decimal sign
MOST_ZEROS = 50


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """`pairs`: beyond the thousands two digits make a group (12,34,567). `zero`: the first of its ten digits."""

    decimal: str
    group: str
    pairs: bool = False
    zero: str = "0"


_POINT = NumberFormat(".", ",")  # also of languages that are not listed: CLDR's root
_COMMA = NumberFormat(",", ".")
_BLANK = NumberFormat(",", "\u00a0")
_PAIRS = NumberFormat(".", ",", pairs=True)
_ARABIC = NumberFormat("\u066b", "\u066c", zero="\u0660")
_PERSIAN = replace(_ARABIC, zero="\u06f0")
_APOSTROPHE = NumberFormat(".", "\u2019")

_LISTED: Mapping[NumberFormat, str] = {
    _COMMA: "ast az bs ca da de el es eu fo fy gl hr hsb ia id is it jv kl ku lb lo mk ms-id nl pt"
    " rn ro rw sc sl sr su "
    "tr vi wo de-at en-be en-de en-id en-nl",
    _BLANK: "af ba be bg br cs cv et ff fi ht hu hy ie ka kk ky lt lv nb nn no os pl"
    " pt-pt ru se sk sq sv tg tk tt uk uz "
    "en-za es-cr fr-ca",
    replace(_BLANK, group="\u202f"): "eo fr rm vec",
    _PAIRS: "en-in gu hi kn ml or pa ta te",
    replace(_PAIRS, zero="\u0966"): "mr ne sa",
    replace(_PAIRS, zero="\u09e6"): "as bn",
    replace(_POINT, zero="\u1040"): "my",
    _ARABIC: "ar-bh ar-eg ar-iq ar-jo ar-kw ar-lb ar-om ar-ps ar-qa ar-sa ar-sd ar-sy ar-ye ckb sd",
    _PERSIAN: "fa ks ps",
    _APOSTROPHE: "de-ch de-li gsw it-ch en-ch",
    NumberFormat(",", "\u2019"): "fr-ch",
    _POINT: "es-mx es-us es-gt es-do es-hn es-ni es-pa es-pe es-pr es-sv es-419",
}
_BY_TAG = {tag: number_format for number_format, tags in _LISTED.items() for tag in tags.split()}


def format_of(language: str) -> NumberFormat:
    """By the longest part of the tag (`de-CH`, then `de`) that is listed."""
    tag = language.lower().replace("_", "-")
    while tag and tag not in _BY_TAG:
        tag = tag.rpartition("-")[0]
    return _BY_TAG.get(tag, _POINT)


def write_number(value: Decimal, digits: int, language: str) -> str:
    """The number rounded to at most `digits` behind the decimal sign, halves away from zero, with grouped thousands.

    Raises ValueError for none, and for one of more than MOST_ZEROS digits.
    """
    if not value.is_finite() or abs(value.adjusted()) > MOST_ZEROS:
        raise ValueError("not a number that can be written")
    written = format_of(language)
    places = max(min(digits, MOST_DIGITS), 0)
    rounded = value
    if -int(value.as_tuple().exponent) > places:
        rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    whole, _, fraction = f"{abs(rounded):f}".partition(".")
    fraction = fraction.rstrip("0")
    grouped = written.group.join(_groups(whole, 2 if written.pairs else 3))
    text = ("-" if rounded < 0 else "") + grouped + (written.decimal + fraction if fraction else "")
    return text.translate({ord("0") + digit: ord(written.zero) + digit for digit in range(10)})


def _groups(whole: str, size: int) -> list[str]:
    """The digits in groups: the last of three, those before it of `size`."""
    groups = [whole[-3:]]
    rest = whole[:-3]
    while rest:
        groups.insert(0, rest[-size:])
        rest = rest[:-size]
    return groups
