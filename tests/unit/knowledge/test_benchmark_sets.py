"""The retrieval benchmark's sets: each answer is there once, and nobody is asked the same question twice."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from app.testing.server import ROOT

BENCH = ROOT / "bench" / "knowledge"
TUNED = sorted(path for path in (BENCH / "sets").glob("*") if path.is_dir())
SETS = sorted([*TUNED, *(path for path in (BENCH / "kept_apart").glob("*") if path.is_dir())])
FRONT_MATTER = re.compile(r"\A---\n.*?^---\n", re.MULTILINE | re.DOTALL)
SETEXT = re.compile(r"^(\S.*)\n(?:=+|-{3,})\n", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def headings(folder: Path) -> list[str]:
    """Those of the sections that have a text of their own."""
    found = []
    for page in sorted((folder / "site").glob("*.md")):
        text = SETEXT.sub(r"# \1\n", FRONT_MATTER.sub("", page.read_text(encoding="utf-8")))
        before, *pieces = HEADING.split(text)
        assert not before.strip(), f"{page}: a text that no question can name"
        found += [heading for heading, body in zip(pieces[::2], pieces[1::2], strict=True) if body.strip()]
    return found


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines, strict=True)
        assert reader.fieldnames == ["question", "heading"], file
        return list(reader)


def count(questions: list[dict[str, str]]) -> tuple[int, int]:
    """(those that the pages answer, those that they do not)"""
    answered = sum(bool(row["heading"]) for row in questions)
    return answered, len(questions) - answered


def test_there_are_sets_to_tune_by_and_sets_that_are_not_looked_at() -> None:
    assert len(SETS) > len(TUNED) > 0


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_every_answer_of_a_set_is_one_of_at_least_sixty_sections(folder: Path) -> None:
    sections = Counter(headings(folder))
    assert [heading for heading, times in sections.items() if times > 1] == []
    assert len(sections) >= 60
    named = [row["heading"].split("|") for file in folder.glob("*.csv") for row in rows(file) if row["heading"]]
    assert [heading for headings in named for heading in headings if heading not in sections] == []


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_a_set_asks_enough_and_nothing_twice(folder: Path) -> None:
    asked = [row["question"].casefold().strip() for file in folder.glob("*.csv") for row in rows(file)]
    assert [question for question, times in Counter(asked).items() if times > 1 or not question] == []
    if folder in TUNED:
        (answered, unanswered), (apart, apart_unanswered) = map(
            count, (rows(folder / "questions.csv"), rows(folder / "kept_apart.csv"))
        )
        assert answered + unanswered >= 30
        assert unanswered >= 8
        assert apart + apart_unanswered >= 20
        assert apart_unanswered >= 6
        assert answered + apart >= 40
    else:
        answered, unanswered = count(rows(folder / "questions.csv"))
        assert answered >= 45
        assert unanswered >= 10
