"""What several workers cost, and what they can do together: two of them on PostgreSQL and Redis, beside one on SQLite.

    .venv/bin/python -m bench.several [PART …]

Without a part's name all of them: {parts}. CPU is that of all processes together, PostgreSQL and Redis with them, by
the kernel's account. PostgreSQL and Redis are Debian's, and started here; PostgreSQL does not wait for the disk, which
is no CPU time. Compare ratios, not microseconds.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

sys.path.append(str(Path(__file__).parent))  # where the other parts of bench/ look for each other

from processes import ROOT, allow_many_files, cpu_seconds, family, free_port, memory_mib, running, settle
from redis import Redis
from served import Served, Stream, callers, listen, served

from app.testing.postgres import Postgres

PACE = 20  # milliseconds between tokens
WINDOW = 7  # seconds
ROUNDS = 6  # of each comparison
STREAMS = 60  # of two workers while tokens are compared
RATE = 60  # questions a second
IDLE = (0, 1000, 10_000)  # open streams
SILENCE = 45_000  # milliseconds; a model that says nothing for a minute is given up
SHARE = 0.25  # of a core for each worker, while clean streams are counted
PERIOD = 4000  # microseconds, in which a worker may have that
STEP, MOST = 5, 200  # of the search for clean streams
CPU_GROUPS = Path("/sys/fs/cgroup/cpu")
TWO = {"WEB_CONCURRENCY": "2"}

_numbers = count()


@dataclass(frozen=True)
class Shared:
    """PostgreSQL and Redis. A `new_installation` is what the environment of servers has that share them."""

    postgres: Postgres
    redis: Redis
    redis_pid: int

    def cpu(self) -> float:
        return cpu_seconds(self.postgres.pids()[0]) + cpu_seconds(self.redis_pid)

    def new_installation(self) -> Mapping[str, str]:
        port = self.redis.get_connection_kwargs()["port"]
        return {
            "DATABASE_URL": self.postgres.url(self.postgres.new_database()),
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "PARLANCE_SECRET_KEY": secrets.token_hex(20),
        }

    def trips(self) -> int:
        """How many commands Redis has been given from outside."""
        stats: Any = self.redis.info("commandstats")
        return sum(stats[f"cmdstat_{name}"]["calls"] for name in ("evalsha", "publish") if f"cmdstat_{name}" in stats)

    def statements(self) -> int:
        """How many transactions PostgreSQL has ended."""
        with self.postgres.connect("postgres") as connection:
            row = connection.execute("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database").fetchone()
        return int(str(row[0])) if row else 0


@contextmanager
def shared() -> Iterator[Shared]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with Postgres() as postgres, running(command, port, {}) as pid:
        yield Shared(postgres, Redis(port=port), pid)


def cpu_of(*servers: Served, besides: Shared | None = None) -> float:
    return sum(cpu_seconds(each.pid) for each in servers) + (besides.cpu() if besides else 0)


def tokens(upstream: int, used: Shared) -> None:
    """Nobody follows: one worker, two with as many streams each, and two with as many in all, at the same time."""
    setups: dict[str, tuple[Mapping[str, str], int]] = {
        "one worker on SQLite": ({}, STREAMS // 2),
        "two, as many streams for each": (TWO, STREAMS),
        "two, as many streams in all": (TWO, STREAMS // 2),
    }
    names, costs = [*setups], {name: list[float]() for name in setups}
    for turn in range(ROUNDS):
        for name in names[turn % 3 :] + names[: turn % 3]:  # one after the other: they share one PostgreSQL
            more, number = setups[name]
            shares = used if more else None
            with served(upstream, ROOT, {**used.new_installation(), **more} if more else {}) as there:
                streams = [there.ask(f"t{next(_numbers)}", tokens=100_000, every=PACE) for _ in range(number)]
                listen(streams, 3)
                costs[name].append(_cost(streams, WINDOW, partial(cpu_of, there, besides=shares)))
                for each in streams:
                    each.close()
    for name in names:
        tell(f"CPU of a token, {name}: {median(costs[name]):.1f} µs, {_against(costs[names[0]], costs[name])}")


def _cost(streams: Sequence[Stream], seconds: float, cpu: Callable[[], float]) -> float:
    """Microseconds of CPU for each token that comes."""
    for each in streams:
        each.tokens = 0
    before = cpu()
    listen(streams, seconds)
    return (cpu() - before) / sum(each.tokens for each in streams) * 1e6


def requests(upstream: int, used: Shared) -> None:
    """Answers of one token, to callers who come evenly."""
    with served(upstream, ROOT) as one, served(upstream, ROOT, {**used.new_installation(), **TWO}) as two:
        setups = {"one worker on SQLite": (one, None), "two on PostgreSQL and Redis": (two, used)}
        costs = {name: list[float]() for name in setups}
        own = {name: list[float]() for name in setups}
        for turn in range(ROUNDS + 1):
            for name, (there, besides) in [*setups.items()][:: -1 if turn % 2 else 1]:
                with callers(there, streams=0, rate=RATE, tokens=1, every=0, seconds=WINDOW) as figures:
                    before = cpu_of(there), cpu_of(there, besides=besides)
                    trips = used.trips()
                    seen = figures()["tokens"]
                    after = cpu_of(there), cpu_of(there, besides=besides)
                if turn:  # the first one warms
                    own[name].append((after[0] - before[0]) / seen * 1000)
                    costs[name].append((after[1] - before[1]) / seen * 1000)
                if besides:
                    tell(f"trips to Redis for a question: {(used.trips() - trips) / seen:.2f}")
        streams = [two.ask(f"t{next(_numbers)}", tokens=100_000, every=PACE) for _ in range(STREAMS)]
        listen(streams, 1)
        trips = used.trips()
        listen(streams, WINDOW)
        tell(f"and while {sum(each.tokens for each in streams)} tokens come: {used.trips() - trips}")
        for each in streams:
            each.close()
    for kind, ms in (("all processes", costs), ("the servers alone", own)):
        (old, olds), (new, news) = ms.items()
        tell(f"CPU of a question, {kind}: {median(olds):.2f} ms, {old}; {median(news):.2f} ms, {new}: "
             f"{_against(olds, news)}")  # fmt: skip


def followers(upstream: int, used: Shared) -> None:
    """Of answers that another server makes: in the place of their callers, and besides."""
    installation = used.new_installation()
    with served(upstream, ROOT, installation) as here, served(upstream, ROOT, installation) as there:
        key = here.headers  # of the same database
        costs: dict[str, list[float]] = {"nobody": [], "in the place of the caller": [], "besides the caller": []}
        for _ in range(ROUNDS):
            for kind, tries in costs.items():
                sessions = [f"f{next(_numbers)}" for _ in range(STREAMS)]
                firsts = [here.ask(each, ids=True, tokens=100_000, every=PACE) for each in sessions]
                listen(firsts, 1)
                follow = Served(there.port, key, there.pid).follow
                others = [follow(each, "") for each in sessions] if kind != "nobody" else []
                if kind.startswith("in the place"):
                    for each in firsts:
                        each.close()
                    firsts = []
                listen([*firsts, *others], 2)
                before = cpu_of(here, there, besides=used)
                listen([*firsts, *others], WINDOW)
                said = STREAMS * WINDOW * 1000 / PACE  # what comes from elsewhere is fewer and longer pieces
                tries.append((cpu_of(here, there, besides=used) - before) / said * 1e6)
                for each in sessions:
                    here.stop(each)
                for each in [*firsts, *others]:
                    each.close()
                settle(here.pid)
    alone = costs["nobody"]
    for kind, tries in costs.items():
        tell(f"CPU of a token, who listens elsewhere: {kind}: {median(tries):.1f} µs, {_against(alone, tries)}")


def idle(upstream: int, used: Shared) -> None:
    """Open streams of which next to nothing comes, over two workers."""
    with served(upstream, ROOT, {**used.new_installation(), **TWO}) as there:
        with callers(there, streams=20, tokens=20, every=PACE, seconds=3) as figures:  # warm
            figures()
        empty = memory_mib(there.pid)
        for number in IDLE:
            job = {"streams": max(number, 1), "ramp": max(2, number / 100), "tokens": 9, "every": SILENCE, "burst": 1}
            with callers(there, **job, seconds=40) as figures:
                time.sleep(6)  # until what was just said has been saved
                before = used.statements(), used.trips(), cpu_seconds(there.pid), used.cpu(), time.monotonic()
                time.sleep(25)
                after = used.statements(), used.trips(), cpu_seconds(there.pid), used.cpu(), time.monotonic()
                *spent, seconds = (end - begin for begin, end in zip(before, after, strict=True))
                memory = memory_mib(there.pid)
                seen = figures()
            statements, trips, own, others = (each / seconds for each in spent)
            held = f"{(memory - empty) / number * 1000:.1f} MiB for 1,000, " if number else ""
            tell(f"{seen['open']} idle streams: {held}each second {statements:.1f} transactions, {trips:.1f} Redis "
                 f"commands, {own * 100:.1f} % of a core, {others * 100:.1f} % in PostgreSQL and Redis")  # fmt: skip


def clean(upstream: int, used: Shared) -> None:
    """How many streams are clean, as bench/clean.py counts them, where each worker has SHARE of a core and no more, so
    that callers and model server have room beside them on two cores. Needs the system's groups of CPU time."""
    if not (CPU_GROUPS / "cpu.cfs_quota_us").exists():
        tell("no groups of CPU time here: clean streams are not counted")
        return
    found: dict[str, list[int]] = {"one worker on SQLite": [], "two on PostgreSQL and Redis": []}
    for _ in range(2):
        for name, most in found.items():
            more = {**used.new_installation(), **TWO} if name.startswith("two") else {}
            with served(upstream, ROOT, more) as there, ExitStack() as stack:
                for pid in family(there.pid)[1:]:
                    stack.enter_context(limited(pid))
                most.append(_clean_streams(there))
    one, two = (sum(most) / len(most) for most in found.values())
    tell(f"clean streams, with {SHARE:.0%} of a core for each worker: {found}: {two / one:.2f} times as many")


@contextmanager
def limited(pid: int) -> Iterator[None]:
    group = CPU_GROUPS / f"parlance-bench-{pid}"
    group.mkdir()
    for name, value in (("cpu.cfs_period_us", PERIOD), ("cpu.cfs_quota_us", round(PERIOD * SHARE))):
        (group / name).write_text(str(value))
    (group / "cgroup.procs").write_text(str(pid))
    try:
        yield
    finally:
        (CPU_GROUPS / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def _clean_streams(there: Served) -> int:
    low, high = 0, MOST // STEP + 1
    while high - low > 1:
        middle = (low + high) // 2
        if any(_is_clean(there, middle * STEP) for _ in range(2)):
            low = middle
        else:
            high = middle
    return low * STEP


def _is_clean(there: Served, streams: int) -> bool:
    with callers(there, streams=streams, ramp=4, tokens=300, every=PACE, seconds=6) as figures:
        seen = figures()
    gap = seen["gap"]["p99"]
    enough = seen["tokens"] > 0.9 * streams * 6 * 1000 / PACE
    return gap is not None and gap < 2 * PACE and not seen["failed"] and enough


def _against(olds: Sequence[float], news: Sequence[float]) -> str:
    ratios = sorted(new / old for old, new in zip(olds, news, strict=True))
    return (f"ratio of the sums {sum(news) / sum(olds):.3f}, median of {len(ratios)} pairs {median(ratios):.3f} "
            f"({ratios[0]:.3f} to {ratios[-1]:.3f})")  # fmt: skip


def tell(what: str) -> None:
    print(what, flush=True)


PARTS: dict[str, Callable[[int, Shared], None]] = {
    part.__name__: part for part in (tokens, requests, followers, idle, clean)
}


def main() -> None:
    ask = argparse.ArgumentParser(description=(__doc__ or "").format(parts=", ".join(PARTS)))
    ask.add_argument("parts", nargs="*", default=[*PARTS], metavar="PART")
    options = ask.parse_args()
    allow_many_files()
    upstream = free_port()
    with running(["node", "bench/upstream.mjs", str(upstream)], upstream, {}), shared() as used:
        for name in options.parts:
            PARTS[name](upstream, used)


if __name__ == "__main__":
    main()
