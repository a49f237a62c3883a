"""What coming back to an answer costs: each who listens besides, a resumption, and those who do neither.

    .venv/bin/python bench/rejoining.py --before TREE

TREE is a checkout of the build to compare with. All of it is measured on real servers and within one run. Compare
ratios, not microseconds.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from processes import ROOT, allow_many_files, free_port, memory_mib, running, settle, thread_seconds
from served import Served, Stream, callers, listen, served

PACE = 20  # milliseconds between tokens
FOLLOWERS = {1: (5, 15), 40: (5,)}  # of each answer, where so many run at once
WINDOW = 4  # seconds
ROUNDS = 3  # of everything
WINDOWS = 4  # of a round, where builds are compared
LONG = 10_000  # tokens of the answer that is resumed
RESUMPTIONS = 20
OTHERS = 20  # streams that go on meanwhile
IDLE = 500  # open streams while memory is measured
STREAMS = 25  # of each build while tokens are compared
WITH_IDS = "now, with ids"
TURNS = 100  # short answers, one after the other


def follower_costs(here: Served) -> None:
    settle(here.pid)
    before = here.cpu()
    time.sleep(WINDOW)
    idle = here.cpu() - before
    for turns, followers in FOLLOWERS.items():
        costs: dict[tuple[int, bool], list[float]] = {
            (each, ids): [] for each in (0, *followers) for ids in (False, True)
        }
        for _ in range(ROUNDS):
            for (number, ids), tries in costs.items():
                tries.append(_cost_per_token(here, turns, number, idle, ids=ids))
        for (number, ids), tries in costs.items():
            first, cost = median(costs[0, ids]), median(tries)
            share = f"; each follower {(cost - first) / number / first:.2f} of the first caller" if number else ""
            asked = "with" if ids else "without"
            tell(f"{turns} answers, {number} followers of each, {asked} ids: {cost:.1f} µs a token{share}")


def _cost_per_token(here: Served, turns: int, followers: int, idle: float, *, ids: bool) -> float:
    """Microseconds of CPU for one token and all who hear it, without what the worker takes when it is idle."""
    sessions = [f"{time.monotonic_ns()}-{turn}" for turn in range(turns)]
    firsts = [here.ask(each, ids=ids, tokens=100_000, every=PACE) for each in sessions]
    listen(firsts, 0.3)
    others = [here.follow(each, "" if ids else None) for each in sessions for _ in range(followers)]
    listen(firsts + others, 0.7)
    for each in firsts + others:
        each.tokens = 0
    before = here.cpu()
    listen(firsts + others, WINDOW)
    spent, tokens = here.cpu() - before - idle, sum(each.tokens for each in firsts)
    heard = sum(each.tokens for each in others)
    assert abs(heard - followers * tokens) < tokens * 0.05 * (followers + 1), "not all have heard the same"
    for each in sessions:
        here.stop(each)
    for each in firsts + others:
        each.close()
    settle(here.pid)
    return spent / tokens * 1e6


def resumption_costs(here: Served) -> None:
    runs = here.ask("runs", ids=True, tokens=2 * LONG, every=1000, burst=LONG)
    ended = here.ask("ended", ids=True, tokens=LONG, every=0)
    while runs.tokens < LONG or ended.read():
        if runs.tokens < LONG:
            runs.read()
    asked = {"runs": f"{runs.turn_id}.0", "ended": f"{ended.turn_id}.0"}
    for session, cursor in asked.items():
        settle(here.pid)
        before, times = here.cpu(), []
        for _ in range(RESUMPTIONS):
            times.append(_resume(here, session, cursor))
            time.sleep(0.1)
        tell(f"an answer of {LONG:,} tokens ({session}) from its beginning: "
             f"{(here.cpu() - before) / RESUMPTIONS * 1000:.1f} ms of CPU; first byte after "
             f"{median(times) * 1000:.1f} ms, at most {max(times) * 1000:.1f} ms")  # fmt: skip
    for resumed in (False, True):
        count = 0
        with callers(here, streams=OTHERS, tokens=2000, every=PACE, seconds=10) as figures:
            ends = time.monotonic() + 9.5
            while resumed and time.monotonic() < ends:
                for session, cursor in asked.items():
                    _resume(here, session, cursor)
                    count += 1
            gap = figures()["gap"]
        tell(f"{count} resumptions in ten seconds: gaps between the tokens of {OTHERS} others (pace {PACE} ms): "
             f"p50 {gap['p50']:.1f}, p99 {gap['p99']:.1f} ms")  # fmt: skip
    here.stop("runs")
    runs.close()


def _resume(here: Served, session: str, cursor: str) -> float:
    """Seconds to the first bytes of the answer."""
    started = time.monotonic()
    stream = here.follow(session, cursor)
    stream.read()
    took = time.monotonic() - started
    stream.close()
    return took


def memory(upstream: int, folder: Path) -> dict[str, float]:
    with served(upstream, folder) as there:
        with callers(there, streams=OTHERS, tokens=20, every=PACE, seconds=3) as figures:  # warm
            figures()
        idle = memory_mib(there.pid)
        with callers(there, streams=IDLE, ramp=8, tokens=3, every=60_000, burst=1, seconds=3) as figures:
            seen = figures()
            assert seen["open"] == IDLE, seen
            return {"memory per open stream, KiB": (memory_mib(there.pid) - idle) / IDLE * 1024}


def token_costs(upstream: int, builds: dict[str, Path]) -> None:
    """All builds at once, on servers that are started anew for each round: each build in each place of the order, for
    the last to start costs up to 2 µs more. The last one is asked for ids."""
    costs: dict[str, list[float]] = {name: [] for name in builds}
    for turn in range(2 * len(builds)):
        order = list(builds)[turn % len(builds) :] + list(builds)[: turn % len(builds)]
        with ExitStack() as stack:
            streams: dict[str, list[Stream]] = {}
            servers = {name: stack.enter_context(served(upstream, builds[name])) for name in order}
            for name, there in servers.items():
                ids = name == WITH_IDS
                sessions = [f"{time.monotonic_ns()}-{each}" for each in range(STREAMS)]
                streams[name] = [there.ask(each, ids=ids, tokens=100_000, every=PACE) for each in sessions]
            every = [each for some in streams.values() for each in some]
            listen(every, 2)
            for _ in range(WINDOWS):
                for each in every:
                    each.tokens = 0
                before = {name: there.cpu() for name, there in servers.items()}
                listen(every, WINDOW)
                for name, there in servers.items():
                    tokens = sum(each.tokens for each in streams[name])
                    costs[name].append((there.cpu() - before[name]) / tokens * 1e6)
            for each in every:
                each.close()
    for name, tries in costs.items():
        tell(f"CPU of a token, {name}: {median(tries):.1f} µs, {_against(costs['before'], tries)}")
    more = sorted(ids - none for ids, none in zip(costs[WITH_IDS], costs["now"], strict=True))
    tell(f"ids: {median(more):+.1f} µs a token, median of {len(more)} pairs ({more[0]:+.1f} to {more[-1]:+.1f})")


def turn_costs(there: Served) -> dict[str, float]:
    before = thread_seconds(there.worker)
    for turn in range(TURNS):
        stream = there.ask(f"{time.monotonic_ns()}-{turn}", tokens=1, every=0)
        while stream.read():
            pass
        stream.close()
    settle(there.pid)
    spent = {thread: seconds - before.get(thread, 0) for thread, seconds in thread_seconds(there.worker).items()}
    whole, serving = sum(spent.values()), spent[there.worker]
    return {
        "CPU per turn, ms": whole / TURNS * 1000,
        "of it in the threads of the database, ms": (whole - serving) / TURNS * 1000,
    }


def compare(before: Callable[[], dict[str, float]], now: Callable[[], dict[str, float]], pairs: int) -> None:
    """In pairs, of which every other one begins with what is new."""
    taken: list[list[dict[str, float]]] = [[], []]
    for pair in range(pairs):
        for which in (1, 0) if pair % 2 else (0, 1):
            taken[which].append((before, now)[which]())
    for what in taken[0][0]:
        olds, news = ([each[what] for each in some] for some in taken)
        tell(f"{what}: {median(olds):.2f} before, {median(news):.2f} now, {_against(olds, news)}")


def _against(olds: list[float], news: list[float]) -> str:
    ratios = sorted(new / old for old, new in zip(olds, news, strict=True))
    return (f"ratio of the sums {sum(news) / sum(olds):.3f}, median of {len(ratios)} pairs {median(ratios):.3f} "
            f"({ratios[0]:.3f} to {ratios[-1]:.3f})")  # fmt: skip


def tell(what: str) -> None:
    print(what, flush=True)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--before", type=Path, required=True, help="a checkout of the build to compare with")
    options = ask.parse_args()
    allow_many_files()
    upstream = free_port()
    with running(["node", "bench/upstream.mjs", str(upstream)], upstream, {}):
        with served(upstream, ROOT) as here:
            follower_costs(here)
            resumption_costs(here)
        compare(partial(memory, upstream, options.before), partial(memory, upstream, ROOT), ROUNDS)
        token_costs(upstream, {"before": options.before, "now": ROOT, WITH_IDS: ROOT})
        with served(upstream, options.before) as old, served(upstream, ROOT) as new:
            turn_costs(old)  # warm
            turn_costs(new)
            compare(partial(turn_costs, old), partial(turn_costs, new), ROUNDS * WINDOWS)


if __name__ == "__main__":
    main()
