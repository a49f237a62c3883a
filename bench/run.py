"""Relays side by side: what each costs, and what its callers feel. `make bench` runs this.

One upstream, one load, all in one go on this machine. Each relay is started alone, for its start and its idle memory;
then all are up at once, and take turns. CPU time is the kernel's account of the relay's processes, so a busy machine
changes it little. Times are what the callers saw, less what they see without any relay in the same round. Compare
ratios, not microseconds. docs/performance.md says what each figure means.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from clean import clean_streams
from contenders import OPENAI, Relay, relays
from costs import costs
from firsts import firsts
from processes import allow_many_files, free_port, running
from report import BASES, Row, report
from standing import held, starts, warm
from windows import Up, tell

COMPARED = ("per_request", "per_token", "cpu_per_token")  # with each of BASES


def main() -> None:
    options = _options()
    allow_many_files()
    upstream, home = free_port(), Path(tempfile.mkdtemp())
    try:
        with running(["node", "bench/upstream.mjs", str(upstream)], upstream, {}) as pid:
            found = relays(upstream, options.python, options.litellm, home)
            found = [replace(each, streams=min(each.streams, options.streams)) for each in found]
            rows = {relay.short: Row(relay) for relay in found if options.only in relay.name}
            for row in rows.values():
                tell(f"starting {row.relay.name} …")
                row.figures |= starts(row.relay, pid, options.scale)
            with _all_up([row.relay for row in rows.values()], pid) as ups:
                nobody = Up(Relay("nobody", "no relay", upstream, [], OPENAI), None, pid)
                bare = _measure(rows, ups, nobody, options)
    finally:
        shutil.rmtree(home)
    report([*rows.values()], bare, options.rounds, options.json)


def _options() -> argparse.Namespace:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--python", default=sys.executable, help="the interpreter that has FastAPI")
    ask.add_argument("--litellm", help="LiteLLM's program, to measure its proxy too")
    ask.add_argument("--only", default="", help="relays whose name holds this")
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--streams", type=int, default=200, help="at most so many while CPU and delays are measured")
    ask.add_argument("--scale", type=float, default=1, help="of all windows; far below 1 the figures say nothing")
    ask.add_argument("--clean", action=argparse.BooleanOptionalAction, default=True, help="search clean streams, too")
    ask.add_argument("--ceiling", type=int, default=800, help="the most streams to try")
    ask.add_argument("--json", type=Path, help="write the figures here")
    return ask.parse_args()


@contextmanager
def _all_up(found: Sequence[Relay], upstream: int) -> Iterator[list[Up]]:
    with ExitStack() as stack:
        pids = [stack.enter_context(running(each.command, each.port, each.env, each.folder)) for each in found]
        yield [Up(relay, pid, upstream) for relay, pid in zip(found, pids, strict=True)]


def _measure(rows: dict[str, Row], ups: Sequence[Up], nobody: Up, options: argparse.Namespace) -> int | None:
    """Fills the rows; how many streams are clean without a relay."""
    rounds, scale = options.rounds, options.scale
    for up in ups:
        warm(up, scale)
        tell(f"memory of {up.relay.name} …")
        rows[up.relay.short].figures |= held(up, scale)
    tell("requests and tokens …")
    spent, shares = costs(ups, rounds, scale)
    tell("first tokens …")
    felt = firsts([nobody, *ups], rounds, scale)
    for name, row in rows.items():
        row.figures |= {**spent.medians(name), **felt.above(name, "nobody")}
        row.ratios = {each: spent.ratios(name, each, BASES) for each in COMPARED}
        row.shares = shares[name]
    if not options.clean:
        return None
    for up in ups:
        tell(f"clean streams of {up.relay.name} …")
        rows[up.relay.short].figures["clean_streams"] = clean_streams(up, options.ceiling)
    tell("clean streams without a relay …")
    return clean_streams(nobody, options.ceiling)


if __name__ == "__main__":
    main()
