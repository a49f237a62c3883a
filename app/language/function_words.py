"""Words that say little or nothing of what a question is about, by language (ISO 639-1)."""

import re
from pathlib import Path


def read_lists(name: str) -> dict[str, list[str]]:
    """The lists of a file of this folder, by language; a line that is indented goes on with the list above it."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return {language: words.split() for language, words in re.findall(r"^(\w+):((?:.*(?:\n +)?)+)", text, re.MULTILINE)}


FUNCTION_WORDS = read_lists("function_words.txt")
COMMON_WORDS = read_lists("common_words.txt")
