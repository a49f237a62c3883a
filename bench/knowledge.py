"""How well knowledge is found, and at what cost. `make bench-knowledge` runs this.

Each set of bench/knowledge is a small business's pages and its customers' questions, in one language. They are read,
cut, indexed and searched as an agent's knowledge is. What is tuned may be tuned on the sets' questions.csv alone
(`--misses` lists those that failed); questions kept apart, and sets kept apart whole, give figures and nothing else.
"""

import argparse
import csv
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from app.knowledge.documents import Entry
from app.knowledge.index.index import CONFIDENT, Hit, Index, build
from app.knowledge.passages import cut
from app.knowledge.reading.formats import read
from app.knowledge.search import MOST_PASSAGES, MOST_QUERY
from bench.knowledge_cost import Cost, measure
from bench.processes import machine

FOLDER = Path(__file__).parent / "knowledge"
LANGUAGES = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "it": "Italian", "ja": "Japanese",
    "pl": "Polish", "ru": "Russian", "tr": "Turkish", "zh": "Chinese",
}  # fmt: skip
LARGE = ("de", "ar", "ja")  # the languages of the large corpora: long compounds, prefixes, no blanks
FOUND = "language", "passages", "questions", "recall@1", "recall@3", "right answers", "wrong answers", "false answers"
_PLACE = re.compile(r"<!-- benchmark: (\w+) -->\n.*?(?=<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Question:
    """`headings`: of the sections that answer it, any of which is right; none where no page does (off-topic)."""

    text: str
    headings: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """What was found for a question; of the hits only those are looked at that an agent gets."""

    question: Question
    hits: Sequence[Hit]

    def right(self, hit: Hit) -> bool:
        return heading(hit.entry) in self.question.headings

    @cached_property
    def place(self) -> int | None:
        """Of the first right passage, from 0 on."""
        return next((place for place, hit in enumerate(self.hits) if self.right(hit)), None)

    @cached_property
    def answer(self) -> Hit | None:
        """What the built-in model answers with."""
        return next((hit for hit in self.hits if hit.confidence >= CONFIDENT), None)


@dataclass(frozen=True)
class Figures:
    """Of one language, or of several together."""

    name: str
    passages: int
    outcomes: Sequence[Outcome]

    @cached_property
    def on_topic(self) -> list[Outcome]:
        return [each for each in self.outcomes if each.question.headings]

    @cached_property
    def off_topic(self) -> list[Outcome]:
        return [each for each in self.outcomes if not each.question.headings]

    def recall(self, places: int) -> float:
        """The share of questions on topic for which a right passage is among the first so many."""
        return sum(each.place is not None and each.place < places for each in self.on_topic) / len(self.on_topic)

    @property
    def right_answers(self) -> int:
        return sum(each.answer is not None and each.right(each.answer) for each in self.on_topic)

    @property
    def wrong_answers(self) -> int:
        return sum(each.answer is not None and not each.right(each.answer) for each in self.on_topic)

    @property
    def false_answers(self) -> int:
        return sum(each.answer is not None for each in self.off_topic)

    def cells(self) -> list[str]:
        on, off = len(self.on_topic), len(self.off_topic)
        shares = [f"{self.recall(1):.2f}", f"{self.recall(3):.2f}"]
        answers = [f"{100 * answers / on:.0f} %" for answers in (self.right_answers, self.wrong_answers)]
        return [self.name, f"{self.passages:,}", f"{on} + {off}", *shares, *answers, f"{self.false_answers} of {off}"]


def entries(folder: Path) -> list[Entry]:
    """The passages of a set's pages."""
    return [entry for path in sorted((folder / "site").glob("*.md")) for entry in cut(read(path))]


def heading(entry: Entry) -> str:
    """The section's; that of a page's first section is its title."""
    return entry.headings[-1] if entry.headings else entry.source


def questions(path: Path) -> list[Question]:
    with path.open(encoding="utf-8", newline="") as rows:
        return [
            Question(row["question"], frozenset(row["heading"].split("|")) - {""})
            for row in csv.DictReader(rows, strict=True)
        ]


def find(name: str, passages: Sequence[Entry], asked: Iterable[Question]) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        build(path, passages)
        index = Index(path)
        outcomes = [Outcome(each, index.search(each.text[:MOST_QUERY], MOST_PASSAGES)) for each in asked]
        index.close()
    return Figures(name, len(passages), outcomes)


def tuned_on(only: str = "") -> Iterator[Figures]:
    """Of every set, or of the one language, with the questions that may be looked at."""
    for folder in sorted((FOLDER / "sets").glob(only or "*")):
        yield find(LANGUAGES[folder.name], entries(folder), questions(folder / "questions.csv"))


def kept_apart(only: str = "") -> Iterator[Figures]:
    """Of the questions of every set that may not, and of the sets that are kept apart whole."""
    for folder in sorted((FOLDER / "sets").glob(only or "*")):
        yield find(LANGUAGES[folder.name], entries(folder), questions(folder / "kept_apart.csv"))
    for folder in sorted((FOLDER / "kept_apart").glob(only or "*")):
        yield find(f"{LANGUAGES[folder.name]}, pages too", entries(folder), questions(folder / "questions.csv"))


def all_in_one() -> Figures:
    """Every set's pages in one index, as of a site in many languages, with the questions that may be looked at."""
    folders = sorted((FOLDER / "sets").iterdir())
    passages = [entry for folder in folders for entry in entries(folder)]
    asked = [question for folder in folders for question in questions(folder / "questions.csv")]
    return find("all pages in one index", passages, asked)


def together(name: str, rows: Sequence[Figures]) -> Figures:
    return Figures(name, sum(row.passages for row in rows), [each for row in rows for each in row.outcomes])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(line)} |\n" for line in [head, *rows]]
    lines.insert(1, f"|---|{'---:|' * (len(head) - 1)}\n")
    return "".join(lines)


def quality(only: str = "") -> dict[str, str]:
    """The tables of what was found, by the names of their places in the page."""
    seen, unseen = [*tuned_on(only)], [*kept_apart(only)]
    if not only:
        seen += [together("**together**", seen), all_in_one()]
        unseen.append(together("**together**", unseen))
    groups = {"seen": seen, "apart": unseen}
    return {name: table(FOUND, [row.cells() for row in rows]) for name, rows in groups.items() if rows}


def costs() -> str:
    """The table of what 10,000 passages cost, with a line about the machine."""
    rows = []
    for language in LARGE:
        folder = FOLDER / "sets" / language
        texts = [entry.text for entry in entries(folder)]
        asked = [question.text for question in questions(folder / "questions.csv")]
        rows.append([LANGUAGES[language], *measure(language, texts, asked).cells()])
    there = [*machine().values(), f"CPython {sys.version.split()[0]}"]
    return f"{table(['language', *Cost.HEAD], rows)}\nMeasured on {datetime.now(UTC):%Y-%m-%d}: {'; '.join(there)}.\n"


def misses(only: str) -> Iterator[str]:
    """What went wrong with questions that may be looked at: not found at first place, or answered and off-topic."""
    for row in tuned_on(only):
        for each in row.outcomes:
            if each.place != 0 if each.question.headings else each.answer:
                wanted = " | ".join(sorted(each.question.headings)) or "nothing: it is off-topic"
                yield f"\n{row.name}: {each.question.text}\n  wanted: {wanted}"
                for hit in each.hits:
                    yield f"  {hit.confidence:.2f} {heading(hit.entry)} ({hit.why})"


def write(page: Path, tables: dict[str, str]) -> None:
    """Between `<!-- benchmark: NAME -->` and `<!-- end -->`. Raises ValueError where the page has other places."""
    text = page.read_text(encoding="utf-8")
    if sorted(_PLACE.findall(text)) != sorted(tables):
        raise ValueError(f"{page} must have these tables of the benchmark once each: {', '.join(tables)}.")
    text = _PLACE.sub(lambda place: f"<!-- benchmark: {place[1]} -->\n{tables[place[1]]}", text)
    page.write_text(text, encoding="utf-8")


def main() -> None:
    ask = argparse.ArgumentParser(prog="python -m bench.knowledge", description=__doc__)
    ask.add_argument("--only", default="", choices=LANGUAGES, metavar="LANGUAGE", help="this language alone, as a tag")
    ask.add_argument("--misses", action="store_true", help="list the questions that failed, of those not kept apart")
    ask.add_argument("--no-costs", action="store_true", help="leave out what takes long: time and memory")
    ask.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into their places in this page too")
    options = ask.parse_args()
    tables = quality(options.only)
    if not (options.only or options.no_costs):
        tables["costs"] = costs()
    print("\n".join(tables.values()))
    if options.misses:
        print("\n".join(misses(options.only)))
    if options.write:
        if len(tables) < 3:
            ask.error("a page gets all of it: leave out --only and --no-costs")
        write(options.write, tables)


if __name__ == "__main__":
    main()
