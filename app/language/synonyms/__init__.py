"""Words that people use for the same thing where they ask businesses and offices, by language (ISO 639-1).

A file has a language's, a group of them each line. They are written by hand as general language has them, in forms
that dictionaries have and in those that stemmers do not bring back to these. A word may be in several groups. Of
languages without blanks between words, the longest ones that stand in a question are looked for, and a word of a single
character only where it stands alone (app/language/listed.py). What has underscores is looked for in questions as
several words, two of them where others may stand between: `how_much`, `send__back`.
"""

from pathlib import Path

SYNONYMS = {
    file.stem: [[*dict.fromkeys(line.split())] for line in file.read_text(encoding="utf-8").splitlines()]
    for file in sorted(Path(__file__).parent.glob("*.txt"))
}
