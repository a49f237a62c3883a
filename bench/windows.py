"""One window of a relay that runs: what its callers saw, and what it cost each side."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from contenders import Relay
from load import load
from processes import busy_seconds, cpu_seconds, memory_mib, settle

PACE = 20  # milliseconds between tokens: 50 tokens/s
ENDLESS = 100_000  # tokens of an answer that goes on for longer than its window


@dataclass(frozen=True)
class Up:
    """A relay that runs, and the upstream's process. Without a `pid` it is the upstream itself that is asked."""

    relay: Relay
    pid: int | None
    upstream: int


@dataclass(frozen=True)
class Window:
    """What callers saw, and seconds of CPU of each side. Memory, in MiB, is at the window's end."""

    seen: dict[str, Any]
    seconds: float
    relay_cpu: float
    upstream_cpu: float
    load_cpu: float
    others_cpu: float
    memory: float

    @property
    def requests(self) -> float:
        """Answers begun and ended count half each, for a part of each one's work is done at either end."""
        return (self.seen["begun"] + self.seen["completed"]) / 2

    @property
    def shares(self) -> dict[str, int]:
        """Of one core, in percent."""
        sides = {"relay": self.relay_cpu, "upstream": self.upstream_cpu, "callers": self.load_cpu}
        return {name: round(cpu / self.seconds * 100) for name, cpu in {**sides, "others": self.others_cpu}.items()}


def window(up: Up, *, ramp: float, rest: bool = True, **job: float) -> Window:
    """The job is bench/load.mjs's. With `rest` the relay has come to rest when this returns."""
    relay = up.relay
    with load(relay.port, relay.wire, relay.headers, ramp=ramp, **{"streams": 0, **job}) as callers:
        pids = [up.pid, up.upstream, callers.process.pid]
        opened, before, all_before = monotonic(), [cpu_seconds(each) for each in pids], busy_seconds()
        seen = callers.figures()
        after, all_after = [cpu_seconds(each) for each in pids], busy_seconds()
        seconds = monotonic() - opened
        memory = memory_mib(up.pid) if up.pid else 0
    spent = [end - start for start, end in zip(before, after, strict=True)]
    if up.pid and rest:
        settle(up.pid)
    return Window(seen, seconds, *spent, max(all_after - all_before - sum(spent), 0), memory)


def in_turns(ups: Sequence[Up], rounds: int) -> Iterator[Up]:
    """Each in each round; every other round begins with the last."""
    for number in range(rounds):
        yield from ups[::-1] if number % 2 else ups


def tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
