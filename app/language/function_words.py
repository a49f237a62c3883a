"""The words of questions that say nothing of what they are about, by language."""

import re
from pathlib import Path


def _read() -> dict[str, list[str]]:
    text = (Path(__file__).parent / "function_words.txt").read_text(encoding="utf-8")
    return {language: words.split() for language, words in re.findall(r"^(\w+):((?:.*(?:\n +)?)+)", text, re.MULTILINE)}


FUNCTION_WORDS = _read()
