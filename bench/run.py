"""Relays side by side: what each costs a token, and what its callers feel. `make bench` runs this.

One upstream, one load, one relay at a time, all in one go on this machine. CPU time is the kernel's account of the
relay's processes, so a busy machine changes it little. Times are what the callers saw, less what they see without any
relay. Compare ratios, not microseconds. docs/performance.md says what each figure means.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from contenders import OPENAI, Relay, relays
from processes import (
    ROOT,
    allow_many_files,
    busy_seconds,
    cpu_seconds,
    free_port,
    machine,
    memory_mib,
    node_version,
    running,
    settle,
)

PACE = 20  # milliseconds between tokens: 50 tokens/s
TOKENS = 300  # of one answer: six seconds
BURST = 2000  # tokens of an answer that comes at once
STEP = 25  # of the search for the most clean streams
NOBODY = Relay("none", [], OPENAI)
HEAD = {
    "relay": "relay",
    "cpu_per_token": "CPU per token, µs",
    "to_floor": "to the floor",
    "burst": "CPU per token of a burst, µs",
    "first_p50": "first token, p50, ms",
    "first_p99": "first token, p99, ms",
    "delay_p99": "each token, p99, ms",
    "clean_streams": "clean streams",
    "memory_per_1000": "MiB per 1,000 streams",
    "cpu_share": "relay's CPU, %",
    "upstream_share": "upstream's, %",
    "load_share": "callers', %",
    "others_share": "other programs', %",
}


@dataclass
class Figures:
    """Of one relay. The shares, of one core, are those while CPU and delays were measured."""

    relay: str
    cpu_per_token: float
    to_floor: float
    burst: float
    first_p50: float
    first_p99: float
    delay_p99: float
    clean_streams: int
    memory_per_1000: float
    cpu_share: float
    upstream_share: float
    load_share: float
    others_share: float


@dataclass
class Window:
    """What callers saw in one window, and what it cost each side, in seconds of CPU. Memory is at the window's end."""

    seen: dict
    seconds: float
    streams: int
    relay_cpu: float
    upstream_cpu: float
    load_cpu: float
    others_cpu: float
    memory: float

    @property
    def clean(self) -> bool:
        """99 % of the gaps under twice the pace, no failure, and no stream left waiting for its turn."""
        gap = self.seen["gap"]["p99"]
        wanted = self.streams * self.seconds * 1000 / PACE
        return gap is not None and gap < 2 * PACE and not self.seen["failed"] and self.seen["tokens"] > 0.9 * wanted


class Bench:
    """One upstream, and the port on which one relay at a time listens."""

    def __init__(self, upstream: int, upstream_pid: int, port: int, ceiling: int) -> None:
        self._upstream, self._upstream_pid = upstream, upstream_pid
        self._port = port
        self._ceiling = ceiling
        self.bare = self.load(None, NOBODY, NOBODY.streams, ramp=4, seconds=10)
        self.bare_arrivals = self.arrivals(None, NOBODY)

    def load(self, pid: int | None, relay: Relay, streams: int, **job: float) -> Window:
        """Without a `pid`, the callers ask the upstream itself."""
        asked = {
            "url": f"http://127.0.0.1:{self._port if pid else self._upstream}{relay.wire.path}",
            "headers": relay.headers, "body": relay.wire.body, "marker": relay.wire.marker, "streams": streams,
            "tokens": TOKENS, "every": PACE, **job,
        }  # fmt: skip
        command = ["node", "bench/load.mjs", json.dumps(asked)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as callers:
            assert callers.stdout
            assert callers.stdin
            pids = [pid, self._upstream_pid, callers.pid]
            callers.stdout.readline()
            opened, before, all_before = monotonic(), [cpu_seconds(each) for each in pids], busy_seconds()
            seen = callers.stdout.readline()
            after, all_after = [cpu_seconds(each) for each in pids], busy_seconds()
            seconds = monotonic() - opened
            memory = memory_mib(pid) if pid else 0
            callers.stdin.close()
        spent = [end - start for start, end in zip(before, after, strict=True)]
        others = max(all_after - all_before - sum(spent), 0)
        if pid:
            settle(pid)
        return Window(json.loads(seen), seconds, streams, *spent, others, memory)

    def measure(self, relay: Relay) -> Figures:
        with running(relay.command, self._port, relay.env) as pid:
            self.load(pid, relay, 20, ramp=1, seconds=4)  # warm
            idle = memory_mib(pid)
            slow = self.load(pid, relay, relay.held, ramp=8, seconds=2, tokens=60, every=1000)
            held = (slow.memory - idle) / max(slow.seen["open"], 1) * 1000
            arrivals = self.arrivals(pid, relay)
            burst = self.load(pid, relay, 1, ramp=2, seconds=5, tokens=BURST, every=0)
            window = self.load(pid, relay, relay.streams, ramp=6, seconds=18)
            clean = self.clean_streams(relay, pid)
        if not window.seen["tokens"]:
            sys.exit(f"no token came through {relay.name}")
        if window.seen["failed"] or slow.seen["open"] < relay.held:
            tell(f"  {window.seen['failed']} answers failed; {slow.seen['open']} of {relay.held} slow streams open")
        seen, bare = window.seen, self.bare.seen
        first, bare_first = arrivals.seen["first"], self.bare_arrivals.seen["first"]
        return Figures(
            relay=relay.name,
            cpu_per_token=round(window.relay_cpu / seen["tokens"] * 1e6, 1),
            to_floor=0,
            burst=round(burst.relay_cpu / burst.seen["tokens"] * 1e6, 1),
            first_p50=round(first["p50"] - bare_first["p50"], 1),
            first_p99=round(first["p99"] - bare_first["p99"], 1),
            delay_p99=round(seen["delay"]["p99"] - bare["delay"]["p99"], 1),
            clean_streams=clean,
            memory_per_1000=round(held, 1),
            cpu_share=round(window.relay_cpu / window.seconds * 100),
            upstream_share=round(window.upstream_cpu / window.seconds * 100),
            load_share=round(window.load_cpu / window.seconds * 100),
            others_share=round(window.others_cpu / window.seconds * 100),
        )

    def arrivals(self, pid: int | None, relay: Relay) -> Window:
        """Short answers to new callers who come evenly, as many as the relay can serve."""
        return self.load(pid, relay, 0, rate=relay.rate, ramp=3, seconds=10, tokens=100)

    def clean_streams(self, relay: Relay, pid: int | None) -> int:
        """The most streams that are clean, by halving; what just fails is tried once more, for other programs' sake."""
        low, high = 0, self._ceiling // STEP + 1
        while high - low > 1:
            middle = (low + high) // 2
            window = self._try(relay, pid, middle * STEP)
            if not window.clean and (window.seen["gap"]["p99"] or 1000) < 4 * PACE:
                window = self._try(relay, pid, middle * STEP)
            if window.clean:
                low = middle
            else:
                high = middle
        return low * STEP

    def _try(self, relay: Relay, pid: int | None, streams: int) -> Window:
        """Prints what the measuring itself took: near 100 % of a core, it would be the limit that is found."""
        window = self.load(pid, relay, streams, ramp=3, seconds=3)
        sides = (window.relay_cpu, window.upstream_cpu, window.load_cpu, window.others_cpu)
        shares = " ".join(f"{side / window.seconds:.0%}" for side in sides)
        tell(f"  {streams} streams: {'clean' if window.clean else 'not clean'}, gaps p99 "
             f"{window.seen['gap']['p99'] or 0:.0f} ms; CPU of relay, upstream, callers, others: {shares}")  # fmt: skip
        return window


def tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--python", default=sys.executable, help="the interpreter that has FastAPI")
    ask.add_argument("--litellm", help="LiteLLM's program, to measure its proxy too")
    ask.add_argument("--ceiling", type=int, default=800, help="the most streams to try")
    ask.add_argument("--only", default="", help="relays whose name holds this")
    ask.add_argument("--json", type=Path, help="write the figures here")
    options = ask.parse_args()
    allow_many_files()
    upstream, port, home = free_port(), free_port(), Path(tempfile.mkdtemp())
    rows = []
    try:
        with running(["node", "bench/upstream.mjs", str(upstream)], upstream, {}) as pid:
            tell("measuring without a relay …")
            bench = Bench(upstream, pid, port, options.ceiling)
            bare = bench.clean_streams(NOBODY, None)
            for relay in relays(upstream, port, options.python, options.litellm, home):
                if options.only in relay.name:
                    tell(f"measuring {relay.name} …")
                    rows.append(bench.measure(relay))
    finally:
        shutil.rmtree(home)
    for row in rows:
        row.to_floor = round(row.cpu_per_token / rows[0].cpu_per_token, 2)
    report(rows, bare, options.json)


def report(rows: list[Figures], bare: int, path: Path | None) -> None:
    """`bare` is how many clean streams the upstream and the callers manage between themselves."""
    print("| " + " | ".join(HEAD.values()) + " |\n|---|" + "---:|" * (len(HEAD) - 1))
    for row in rows:
        print("| " + " | ".join(str(value) for value in asdict(row).values()) + " |")
    versions = {"node": node_version(), "python": sys.version.split()[0]}
    there = {**machine(), **versions, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    print(f"\nclean streams without a relay: {bare}\n" + "; ".join(there.values()))
    if path:
        figures = {"machine": there, "clean_streams_without_relay": bare, "relays": [asdict(row) for row in rows]}
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
