"""What 10,000 passages cost: time to read and to index, CPU of a search, memory of an open index."""

import multiprocessing
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from app.knowledge.index.index import Index, build
from app.knowledge.passages import cut
from app.knowledge.reading.formats import read
from app.knowledge.search import MOST_PASSAGES, MOST_QUERY

FILES = 100
SECTIONS = 100  # of a file
LENGTH = 400  # characters of a section's text
INVENTED = 0.4  # of the runs of words are an invented word instead: a larger site has more words than a smaller one
VOCABULARY = 50_000  # invented words, the first of which come often and the last seldom
TRIES = 3

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """All times are CPU time: those of a search in milliseconds. Text is that of the passages, in UTF-8."""

    HEAD: ClassVar = (
        "passages", "text", "read", "indexed", "index", "search, p50", "p99", "of 1,000 characters", "memory",
    )  # fmt: skip

    passages: int
    megabytes: float
    read_seconds: float
    index_seconds: float
    index_megabytes: float
    search_p50: float
    search_p99: float
    longest: float
    memory: float

    def cells(self) -> list[str]:
        speeds = [f"{self.megabytes / seconds:.1f} MB/s" for seconds in (self.read_seconds, self.index_seconds)]
        times = [f"{each:.1f} ms" for each in (self.search_p50, self.search_p99, self.longest)]
        sizes = [f"{self.index_megabytes:.1f} MB", *times, f"{self.memory:.0f} MiB"]
        return [f"{self.passages:,}", f"{self.megabytes:.1f} MB", *speeds, *sizes]


def measure(seed: str, texts: Sequence[str], questions: Sequence[str]) -> Cost:
    """Of a corpus made up from the texts, asked the questions. The index is searched when it is warm."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for number, page in enumerate(pages(seed, texts)):
            (home / f"{number:03}.md").write_text(page, encoding="utf-8")
        path = home / "index"
        reading, entries = _median(lambda: [entry for page in sorted(home.glob("*.md")) for entry in cut(read(page))])
        indexing, _ = _median(lambda: (path.unlink(missing_ok=True), build(path, entries)))
        text = sum(len(entry.text.encode()) for entry in entries)
        long = " ".join(entry.text for entry in entries[:10])[:MOST_QUERY]
        with multiprocessing.get_context("spawn").Pool(1) as fresh:
            memory, searches, longest = fresh.apply(search, (path, questions, long))
        return Cost(
            len(entries), text / 1e6, reading, indexing, path.stat().st_size / 1e6,
            _quantile(searches, 0.5), _quantile(searches, 0.99), longest, memory,
        )  # fmt: skip


def search(path: Path, questions: Sequence[str], long: str) -> tuple[float, list[float], float]:
    """In a process of its own: the memory that it takes (MiB), and milliseconds of each search and of a long one."""
    before = _resident()
    index = Index(path)
    for question in questions:
        index.search(question, MOST_PASSAGES)
    memory = _resident() - before
    times = [_median(lambda each=each: index.search(each, MOST_PASSAGES))[0] * 1000 for each in (*questions, long)]
    index.close()
    return memory, times[:-1], times[-1]


def _median(work: Callable[[], Result]) -> tuple[float, Result]:
    """Seconds of CPU time, the median of several tries since other programs slow some, and the result."""
    tries = []
    for _ in range(TRIES):
        started = time.process_time()
        result = work()
        tries.append(time.process_time() - started)
    return sorted(tries)[TRIES // 2], result


def _resident() -> float:
    """MiB; the parts of mapped files that were looked at count."""
    return int(re.search(r"^VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(), re.MULTILINE)[1]) / 1024


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[round(share * (len(values) - 1))]


def pages(seed: str, texts: Sequence[str]) -> Iterator[str]:
    """Markdown of FILES pages, made of runs of the texts' words and of invented ones."""
    dice = random.Random(seed)  # noqa: S311
    words = re.findall(r"[^\s#*|()\[\]-]{1,24}", " ".join(texts))  # of what has no blanks, a piece of a sentence
    halves = [(dice.choice(words), dice.choice(words)) for _ in range(VOCABULARY)]
    invented = [first[: len(first) // 2 + 1] + second[len(second) // 2 :] for first, second in halves]

    def text(length: int) -> str:
        """About so many characters."""
        pieces: list[str] = []
        while sum(map(len, pieces)) < length:
            if dice.random() < INVENTED:
                pieces.append(invented[int(VOCABULARY * dice.random() ** 3)])
            else:
                start = dice.randrange(len(words))
                pieces += words[start : start + dice.randint(1, 4)]
        return " ".join(pieces)

    for page in range(FILES):
        sections = [f"## {text(20)} {section}\n\n{text(LENGTH)}\n" for section in range(SECTIONS)]
        yield "\n".join([f"# {text(20)} {page}\n", *sections])
