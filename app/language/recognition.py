"""Which language a text is in, by its script, its function words and its letters."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

from app.language.folding import fold
from app.language.function_words import FUNCTION_WORDS
from app.language.words import has_kana, normal, words

MOST_CHARACTERS = 400  # of a text are looked at
PLAIN = 6  # different function words in these
MARGIN = 1.2  # how many times as much speaks for the language as for the next best

# Scripts that one language here uses, and those that several do, which their words tell apart.
_SCRIPTS = {
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "he": "\u0590-\u05ff",
    "hy": "\u0530-\u058f",
    "ka": "\u10a0-\u10ff",
    "ko": "\u1100-\u11ff\uac00-\ud7af",
    "ta": "\u0b80-\u0bff",
    "th": "\u0e00-\u0e7f",
    "lo": "\u0e80-\u0eff",
    "my": "\u1000-\u109f",
    "km": "\u1780-\u17ff",
    "zh": "\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff",
    "hi ne": "\u0900-\u097f",
    "ar fa ur": "\u0600-\u06ff\u0750-\u077f",
    "ru uk bg sr": "\u0400-\u04ff",
}
_LETTERS = {languages.split()[0]: re.compile(f"[{letters}]") for languages, letters in _SCRIPTS.items()}
_LETTERS[""] = re.compile("[a-z\u00c0-\u024f\u1e00-\u1eff]", re.IGNORECASE)  # Latin's
_SIGNS = {script: chr(number) for number, script in enumerate(_LETTERS)}
_SHARED = {languages.split()[0]: frozenset(languages.split()) for languages in _SCRIPTS if " " in languages}
_ALL = frozenset(FUNCTION_WORDS)

# Letters that few languages have.
_HINTS = {
    "ß": "de",
    "ñ¿¡": "es",
    "ığş": "tr",
    "łżśźń": "pl",
    "őű": "hu",
    "řěů": "cs",
    "țșă": "ro",
    "å": "sv da nb fi",
    "ø": "da nb",
    "æ": "da nb",
    "ãõ": "pt",
    "œèê": "fr",
    "ąę": "pl lt",
    "ėųū": "lt",
    "ơưđ": "vi",
    "єї": "uk",
    "і": "uk",
    "ыэ": "ru",
    "ъ": "bg ru",
    "јљњђћџ": "sr",
    "پچژگ": "fa ur",
    "ٹڈںے": "ur",
    "ةى": "ar",
    "õ": "et pt",
    "ä": "de fi sv et",
    "ö": "de tr fi sv hu et",
    "ü": "de tr hu et",
    "ìòù": "it",
}
_HINT = {letter: languages.split() for letters, languages in _HINTS.items() for letter in letters}

_TAGS = {"no": "nb", "nn": "nb", "iw": "he", "in": "id", "hr": "sr", "bs": "sr", "sh": "sr", "prs": "fa", "cmn": "zh"}


class _Scripts(dict[int, str]):
    """For `str.translate`: the sign of each letter's script, and nothing for what is no letter. Made as they come."""

    def __missing__(self, code: int) -> str:
        those = (_SIGNS[script] for script, letters in _LETTERS.items() if letters.match(chr(code)))
        self[code] = sign = next(those, "")
        return sign


_SCRIPT_OF = _Scripts()


def _speakers(form: Callable[[str], str]) -> dict[str, list[str]]:
    """The languages that have each function word, in this form."""
    speakers: dict[str, list[str]] = {}
    for language, listed in FUNCTION_WORDS.items():
        for word in {form(word) for word in listed}:
            speakers.setdefault(word, []).append(language)
    return speakers


_AS_WRITTEN = _speakers(str)
_FOLDED = _speakers(fold)
_LISTED = {language: frozenset(listed) for language, listed in FUNCTION_WORDS.items()}
_NONE = frozenset[str]()


def primary(tag: str) -> str:
    """The language of a tag (BCP 47) as it is called here: `de` of `de-AT`. "" of none."""
    language = re.split("[-_]", tag.strip().lower(), maxsplit=1)[0]
    return _TAGS.get(language, language)


def is_plainly(text: str, language: str) -> bool:
    """Whether the text begins with many function words of the language: quicker than to recognise it among all."""
    return len(_LISTED.get(language, _NONE).intersection(text[:MOST_CHARACTERS].lower().split())) >= PLAIN


def recognised(text: str, among: Collection[str] = ()) -> str:
    """The text's language (ISO 639-1), of those given or else of all that are known; "" where it is unclear."""
    text = normal(text[:MOST_CHARACTERS])
    script = _script(text)
    if script == "zh":
        return "ja" if has_kana(text) else "zh"
    if script not in ("", *_SHARED):
        return script
    candidates = _SHARED.get(script, _ALL)
    best = _votes(text, candidates & frozenset(among) if among else candidates).most_common(2)
    clear = best and (len(best) == 1 or best[0][1] >= MARGIN * best[1][1])
    return best[0][0] if clear else ""


def _script(text: str) -> str:
    """Of most letters, by the first of its languages; "" of Latin's."""
    if 4 * len(text.encode("ascii", "ignore")) > 3 * len(text):
        return ""
    signs = text.translate(_SCRIPT_OF)
    counts = {script: signs.count(sign) for script, sign in _SIGNS.items()}
    latin = counts.pop("")
    script = max(counts, key=lambda each: counts[each])
    weight = 3 if script in ("zh", "ko") else 1  # a character of theirs is as much as a few letters
    return script if counts[script] * weight > latin else ""


def _votes(text: str, candidates: frozenset[str]) -> Counter[str]:
    """What speaks for each language: a function word or a letter counts the more, the fewer languages have it."""
    votes: Counter[str] = Counter()
    text = text.lower()
    for word in words(text):
        for language, vote in _votes_of(word, candidates):
            votes[language] += vote  # type: ignore[assignment] # a Counter of floats
    for letter in set(text) & _HINT.keys():
        for language, vote in _shared(_HINT[letter], candidates, 1):
            votes[language] += vote  # type: ignore[assignment]
    return votes


@lru_cache(20_000)
def _votes_of(word: str, candidates: frozenset[str]) -> tuple[tuple[str, float], ...]:
    if word in _AS_WRITTEN:
        return _shared(_AS_WRITTEN[word], candidates, 1)
    return _shared(_FOLDED.get(fold(word), ()), candidates, 0.5)


def _shared(speakers: Iterable[str], candidates: frozenset[str], vote: float) -> tuple[tuple[str, float], ...]:
    those = [language for language in speakers if language in candidates]
    return tuple((language, vote / len(those)) for language in those)
