"""What was measured as tables, and for programs."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contenders import Relay
from processes import machine, node_version
from tries import Ratio

BASES = {"floor": "to the floor", "node": "to Node's", "fastapi": "to FastAPI's"}
COSTS = {
    "per_request": "a request, µs",
    "per_token": "a token, µs",
    "cpu_per_token": "CPU per token in answers of 300 tokens, µs",
    "endless": "in endless answers, µs",
    "burst": "in a burst, µs",
    "at_once": "a request of 8 callers at once, µs",
}
FELT = {
    "alone_p50": "first token, one caller, p50, ms",
    "alone_p99": "p99, ms",
    "beside_p50": "first token, beside others, p50, ms",
    "beside_p99": "p99, ms",
    "each_p99": "each token, p99, ms",
    "clean_streams": "clean streams",
}
STANDING = {
    "memory_per_1000": "1,000 streams, MiB",
    "memory_of_one": "a stream, KiB",
    "idle": "idle, MiB",
    "worker_idle": "of it the worker, MiB",
    "cold_start": "start, s",
}
SHARES = {"relay": "relay, %", "upstream": "upstream, %", "callers": "callers, %", "others": "other programs, %"}


@dataclass
class Row:
    """Of one relay: figures by their names, and what some of them are to each base."""

    relay: Relay
    figures: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, dict[str, Ratio]] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        ratios = {name: {base: asdict(each) for base, each in some.items()} for name, some in self.ratios.items()}
        return {"relay": self.relay.name, **self.figures, "ratios": ratios, "shares": self.shares}

    def costs(self) -> list[str]:
        """As the columns of COSTS are, each with its ratios beside it."""
        cells = []
        for name in COSTS:
            cells.append(f"{self.figures[name]:g}")
            ratios = self.ratios.get(name, {})
            cells += [f"{ratios[base].median:.2f}" if base in ratios else "" for base in BASES]
        return cells


def report(rows: Sequence[Row], bare: int | None, rounds: int, path: Path | None) -> None:
    """`bare` is how many clean streams the upstream and the callers manage between themselves."""
    titles = [title for name in COSTS.values() for title in (name, *BASES.values())]
    _table("CPU of", titles, rows, [row.costs() for row in rows])
    for head, columns in (("felt", FELT), ("kept up", STANDING)):
        found = [[f"{row.figures[name]:g}" if name in row.figures else "" for name in columns] for row in rows]
        _table(head, [*columns.values()], rows, found)
    _table("shares of a core", [*SHARES.values()], rows, [[str(row.shares[name]) for name in SHARES] for row in rows])
    versions = {"node": node_version(), "python": sys.version.split()[0]}
    there = {**machine(), **versions, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    if bare is not None:
        print(f"clean streams without a relay: {bare}")
    print("; ".join(there.values()))
    if path:
        figures = {"machine": there, "rounds": rounds, "clean_streams_without_relay": bare}
        relays = [row.data() for row in rows]
        path.write_text(json.dumps({**figures, "relays": relays}, indent=2) + "\n", encoding="utf-8")


def _table(head: str, titles: Sequence[str], rows: Sequence[Row], cells: Sequence[Sequence[str]]) -> None:
    """Without the columns that say nothing of any relay."""
    kept = [number for number in range(len(titles)) if any(each[number] for each in cells)]
    print(f"| {head} | {' | '.join(titles[number] for number in kept)} |\n|---|{'---:|' * len(kept)}")
    for row, each in zip(rows, cells, strict=True):
        print(f"| {row.relay.name} | {' | '.join(each[number] for number in kept)} |")
    print()
