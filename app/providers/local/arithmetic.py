"""Finds the expression in a question: "What is 2+2?" asks for `2+2`, "how much is 15% of 80" for `(15/100)*80`."""

import re

from app.language.folding import DIGITS

_ASKED = re.compile(
    r"^[\s\u00bf]*(?:what(?:['\u2019]s| is| are)|how much (?:is|are)|calculate|compute|evaluate|work out|solve"
    r"|was (?:ist|sind|ergibt)|wie ?viel (?:ist|sind|ergibt)|(?:be)?rechne|cu[áa]nto (?:es|son)|calcula"
    r"|combien (?:font|fait)|calculez|quanto (?:fa|fanno|é|são)|calcol[ai]|calcule|wat is|hoeveel is|bereken"
    r"|ile (?:to )?jest|oblicz|hesapla|сколько будет|посчитай|كم يساوي|احسب)\s+(?:the\s+)?(?P<sum>.+)$",
    re.IGNORECASE,
)
_MINUS = re.compile(r"[\u2212\u2013]")  # the signs that people type for one
_LAST = "?! \u061f\uff1f"
_WORDS = (
    (re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent|prozent)\s+(?:of|von|de|di|van|от)\b", re.IGNORECASE), r"(\1/100)*"),
    (re.compile(r"\bplus\b", re.IGNORECASE), "+"),
    (re.compile(r"\bminus\b", re.IGNORECASE), "-"),
    (re.compile(r"\b(?:times|multiplied by)\b|[\u00d7\u00b7]|(?<=\d)\s*x\s*(?=\d)", re.IGNORECASE), "*"),
    (re.compile(r"\b(?:divided by|over)\b|÷", re.IGNORECASE), "/"),
    (re.compile(r"\bto the power of\b|\^", re.IGNORECASE), "**"),
    (re.compile(r"\bsquare root of\s+(\d+(?:\.\d+)?)", re.IGNORECASE), r"sqrt(\1)"),
    (re.compile(r"(?<=\d)\.(?=\d{3}[.,]\d)|(?<=\d\.\d{3})\.(?=\d{3}\b)"), ""),  # 1.234,50 and 1.234.567
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
    (re.compile(r"(?<=\d),(?=\d)"), "."),  # as most of Europe writes 1.5
    (_MINUS, "-"),
)
_EXPRESSION = re.compile(r"(?:[\d\s.+\-*/%()]|sqrt\()+")
# A date, a telephone number, "24/7"; days from the one to the other, as "12.11. - 14.11.".
_DAY = r"\d{1,2}\.\d{1,2}\.(?:\d{2,4})?"
_NOT_ARITHMETIC = re.compile(rf"\+?[\d()][\d ()]*(?:[-/][\d ]+)+|\+[\d ()]{{7,}}|{_DAY}(?: *[-/] *{_DAY})*")
_OPERATION = re.compile(r"\d[\s)]*[-+*/%]{1,2}[\s(]*[-+\d.s]|sqrt\(")
LONGEST_QUESTION = 200  # characters; the patterns backtrack, and nothing else runs meanwhile


def find_expression(question: str) -> str | None:
    """The expression in the calculator's notation, None where nothing is to be calculated.

    Only a question that asks for a value counts, or a message that is nothing but an expression: "24/7" in a sentence
    is not a division.
    """
    if len(question) > LONGEST_QUESTION:
        return None
    asked = _ASKED.match(question)
    text = (asked["sum"] if asked else question).translate(DIGITS).strip()
    if not asked and _NOT_ARITHMETIC.fullmatch(_MINUS.sub("-", text.rstrip(_LAST))):
        return None
    text = text.rstrip(f"{_LAST}=.")
    for pattern, replacement in _WORDS:
        text = pattern.sub(replacement, text)
    if _EXPRESSION.fullmatch(text) and _OPERATION.search(text):
        return " ".join(text.split())
    return None
