"""What each part of a request costs: the CPU of one without it, beside that of a whole one. Run by itself:

.venv/bin/python bench/ablate.py
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median
from typing import Any

from contenders import ROOT
from processes import allow_many_files, free_port, running, settle
from served import Served, served

QUESTIONS = 320
CALLERS = 8  # at once: with one alone what lies between questions is measured, too
PARTS = {
    "store": "the store",
    "disk": "waiting for the disk",
    "model": "opening the model and reading from it",
    "logs": "the lines of the log",
    "hooks": "the hooks after a request",
    "limit": "the rate limit",
    "key": "the key",
    "schema": "the body's checks",
    "view": "all but gunicorn, Flask, hooks and limit",
    "application": "all but gunicorn",
}
"""As bench/ablated.py calls them, and as people do."""


def ask(server: Served, name: str) -> None:
    """QUESTIONS in all, each with an answer of one token."""

    def one_after_another(caller: int) -> None:
        for number in range(QUESTIONS // CALLERS):
            stream = server.ask(f"{name}-{caller}-{number}", tokens=1, every=0)
            while stream.read():
                pass
            stream.close()
            if not stream.tokens:
                sys.exit("a question was not answered")

    with ThreadPoolExecutor(CALLERS) as callers:
        for _ in callers.map(one_after_another, range(CALLERS)):  # raises what was raised there
            pass


def cost(server: Served, name: str) -> float:
    """Seconds of CPU of a question."""
    before = server.cpu()
    ask(server, name)
    settle(server.pid)
    return (server.cpu() - before) / QUESTIONS


def without(upstream: int, part: str, pairs: int) -> tuple[float, list[float]]:
    """What a whole question costs, in seconds (median), and what one without the part does, to that, in each pair."""
    with ExitStack() as stack:
        started: Any = [
            stack.enter_context(served(upstream, ROOT, {"ABLATE": each}, "bench.ablated:app"))
            for each in ("nothing", part)
        ]
        for server in started:
            ask(server, "warm")
        found = []
        for number in range(pairs):
            order = started if number % 2 else started[::-1]
            spent = {server.pid: cost(server, f"{number}") for server in order}
            found.append([spent[server.pid] for server in started])
    return median(whole for whole, _ in found), [rest / whole for whole, rest in found]


def main() -> None:
    ask_for = argparse.ArgumentParser(description=__doc__)
    ask_for.add_argument("--pairs", type=int, default=6)
    ask_for.add_argument("--only", default="", help="parts whose name holds this")
    options = ask_for.parse_args()
    allow_many_files()
    upstream = free_port()
    print("| without | share of a question's CPU, median | least | most | a whole one |\n|---|---:|---:|---:|---:|")
    with running(["node", "bench/upstream.mjs", str(upstream)], upstream, {}):
        for part, words in PARTS.items():
            if options.only in part:
                whole, rests = without(upstream, part, options.pairs)
                shares = [f"{1 - each(rests):.2f}" for each in (median, max, min)]
                print(f"| {words} | {' | '.join(shares)} | {whole * 1e6:.0f} µs |", flush=True)


if __name__ == "__main__":
    main()
