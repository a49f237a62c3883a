"""Words of one meaning, by language (ISO 639-1)."""

from app.language.function_words import read_lists


def _groups(words: list[str]) -> list[list[str]]:
    """Each with its words, each once."""
    return [[*dict.fromkeys(group.split())] for group in " ".join(words).split("|")]


SYNONYMS = {language: _groups(words) for language, words in read_lists("synonyms.txt").items()}
