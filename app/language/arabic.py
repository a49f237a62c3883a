"""Arabic words without what is attached to them, and their roots.

`light_stem` is light10 (Larkey, Ballesteros, Connell: "Light Stemming for Arabic Information Retrieval", 2007), with
the pronouns that questions attach to nouns. `root` matches patterns as ISRI does (Taghva, Elkhoury, Coombs: "Arabic
Stemming Without A Root Dictionary", 2005). Both take folded words.
"""

import re

_ARTICLES = ("وال", "بال", "كال", "فال", "ولل", "ال", "لل")
_PRONOUNS = ("كما", "هما", "كم", "هم", "نا", "كن", "هن")
_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")
_INFLECTIONS = ("ات", "ون", "ين", "ان", "وا", "تم", "ها", "ني", "يه", "ه", "ي", "ت", "ا", "ن")
_OF_VERBS = ("ونها", "ونه", "وها", "وه", "تها", "ته", "و")  # with what they are done to
_ENDINGS = _INFLECTIONS + _OF_VERBS
_PARTICLES = "وفبلكسحه"

# ف, ع and ل stand for the letters of the root; all others for themselves.
_PATTERNS = """
مفعل فاعل فعال فعول فعيل يفعل تفعل نفعل افعل
افتعل افاعل مفعول مفعال مفعيل مفتعل يفتعل تفتعل نفتعل مفاعل تفاعل يفاعل نفاعل انفعل منفعل ينفعل تنفعل افعال فعلان تفعيل
فاعول فواعل فعايل متفعل يتفعل تتفعل نتفعل فعالي
مستفعل يستفعل تستفعل نستفعل استفعل افتعال تفاعيل مفاعيل انفعال متفاعل يتفاعل فواعيل
استفعال
"""


def _of_length(length: int) -> re.Pattern[str]:
    """The patterns of so many letters, with a group for each letter of the root."""
    patterns = [pattern for pattern in _PATTERNS.split() if len(pattern) == length]
    return re.compile("|".join(re.sub("[فعل]", "(.)", pattern) for pattern in patterns))


_BY_LENGTH = {length: _of_length(length) for length in {*map(len, _PATTERNS.split())}}


def light_stem(word: str) -> str:
    if len(word) > 3 and word.startswith("و"):
        word = word[1:]
    word = _bare(word, 2)
    for suffix in _SUFFIXES if word.endswith(_SUFFIXES) else ():
        if word.endswith(suffix) and len(word) - len(suffix) >= 2:
            word = word[: -len(suffix)]
    return word


def _bare(word: str, least: int) -> str:
    """Without the article in front, where so many letters stay, and without the pronoun at its end."""
    for article in _ARTICLES if word.startswith(_ARTICLES) else ():
        if word.startswith(article) and len(word) - len(article) >= least:
            word = word[len(article) :]
            break
    for pronoun in _PRONOUNS if word.endswith(_PRONOUNS) else ():
        if word.endswith(pronoun) and len(word) - len(pronoun) >= 3:
            return word[: -len(pronoun)]
    return word


def root(word: str) -> str:
    """The three letters that related words share; "" where no pattern fits."""
    word = _bare(word, 3)
    return _by_pattern(word) or next(filter(None, map(_by_pattern, _shorter(word))), "")


def _shorter(word: str) -> list[str]:
    """The word without an ending, without a particle before it, and without both."""
    endings = _ENDINGS if word.endswith(_ENDINGS) else ()
    shorter = [word[: -len(ending)] for ending in endings if word.endswith(ending)]
    if word[:1] in _PARTICLES:
        shorter += [each[1:] for each in (word, *shorter)]
    return [each for each in shorter if len(each) >= 3]


def _by_pattern(word: str) -> str:
    if len(word) == 3:
        return word
    found = _BY_LENGTH[len(word)].fullmatch(word) if len(word) in _BY_LENGTH else None
    if found is None or found.lastindex is None:
        return ""
    return "".join(found.group(found.lastindex - 2, found.lastindex - 1, found.lastindex))
