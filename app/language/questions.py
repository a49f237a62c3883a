"""The words of a question that say what it is about."""

import re

from app.language.folding import fold
from app.language.function_words import FUNCTION_WORDS
from app.language.recognition import recognised
from app.language.words import normal, runs, words

MORE = "\xa0"  # what stands for the second and further characters of a piece; a text that is `normal` has none

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})  # as German is written where a keyboard has none


def _forms(language: str, word: str) -> set[str]:
    return {fold(word), fold(word.translate(_UMLAUTS))} if language == "de" else {fold(word)}


_FOLDED = {
    language: frozenset(form for word in listed for form in _forms(language, word))
    for language, listed in FUNCTION_WORDS.items()
}
_PIECES = {language: sorted(FUNCTION_WORDS[language], key=len, reverse=True) for language in ("ja", "th", "zh")}
# A single letter of Kana is a particle only behind a word in another script.
_JAPANESE = "|".join(
    f"(?<=[\u3005-\u3007\u30a0-\u30ff\u3400-\u9fff\\w])(?<![\u3040-\u309f]){piece}" if len(piece) == 1 else piece
    for piece in _PIECES["ja"]
)
_PATTERNS = {
    "ja": re.compile(_JAPANESE),
    "th": re.compile("|".join(_PIECES["th"])),
    "zh": re.compile(
        "|".join(piece for piece in _PIECES["zh"] if len(piece) > 1 or piece in "的了是吗嗎呢吧啊啥咋我你您他她它")
        + r"|(\w)[不没沒](?=\1)"  # 退不退: 退
    ),
}
_PARTS_OF_WORDS = frozenset(piece for piece in _PIECES["zh"] if len(piece) == 1)

# Where a German clause ends, and what stands there of a verb: `Wann macht ihr heute auf?`
_CLAUSE = re.compile(r"[.,;:!?\n]|\b(?:und|oder|wenn|falls|ob|weil|bevor)\b", re.IGNORECASE)
_APART = frozenset("ab an auf aus ein her hin los mit nach um vor weg zu zurück zurueck zusammen".split())  # noqa: SIM905


def parted_verbs(text: str, language: str) -> list[tuple[str, str]]:
    """What may be German verbs of which the first part stands at the end of the clause: the second, and both."""
    found = []
    for clause in _CLAUSE.split(text.lower()) if language == "de" else ():
        *others, last = words(clause) or [""]
        found += [(word, last + word) for word in others] if last in _APART else []
    return found


def is_function_word(word: str, language: str) -> bool:
    return fold(word) in _FOLDED.get(language, ())


def may_be_function_words(pair: str, language: str) -> bool:
    """Whether one of the two characters is a function word where it is no part of another, as 用 of 信用卡 is."""
    return language == "zh" and not _PARTS_OF_WORDS.isdisjoint(pair)


def significant_words(text: str) -> list[str]:
    """The words in lower case and in their order, without those that stand in any question of the text's language."""
    text = normal(text)
    language = recognised(text)
    return [
        *(word.lower() for word in words(text) if not is_function_word(word, language)),
        *content_runs(text, language),
    ]


def content_runs(text: str, language: str) -> list[str]:
    """The runs of scripts without blanks, without the pieces that stand in any question."""
    return runs(content(text, language))


def content(text: str, language: str) -> str:
    """The text, as long as it was, with a blank and `MORE` instead of each piece that stands in any question, in
    scripts without blanks."""
    pattern = _PATTERNS.get(language)
    return pattern.sub(lambda piece: " " + MORE * (len(piece[0]) - 1), text) if pattern else text
