"""Words that say little or nothing of what a question is about, by language (ISO 639-1)."""

import re
from pathlib import Path


def _read(name: str) -> dict[str, list[str]]:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return {language: words.split() for language, words in re.findall(r"^(\w+):((?:.*(?:\n +)?)+)", text, re.MULTILINE)}


FUNCTION_WORDS = _read("function_words.txt")
COMMON_WORDS = _read("common_words.txt")
