"""CPythons side by side: this build, served by each of them. Run by itself:

.venv/bin/python bench/pythons.py --python .venv/bin/python --python OTHER/bin/python

Each is the program of an environment that has requirements.txt installed. The others are compared with the first. The
servers are started anew for each round, in another order, and take turns.
"""

import argparse
import json
import subprocess
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from ablate import ask, cost
from processes import ROOT, allow_many_files, free_port, running
from served import Served, callers, served
from windows import ENDLESS, PACE

STREAMS = 80  # while tokens are compared
WINDOW = 4  # seconds
TOLD = """
import json, pathlib, platform, sysconfig
given = sysconfig.get_config_var("CONFIG_ARGS") or ""
flags = " ".join(str(sysconfig.get_config_var(each)) for each in ("PY_CORE_CFLAGS", "PY_CORE_LDFLAGS", "CONFIG_ARGS"))
level = [each for each in sysconfig.get_config_var("OPT").split() if each.startswith("-O")]
profiled = "--enable-optimizations" in given or not sysconfig.get_config_var("PGO_PROF_USE_FLAG")
shared = "libpython3" in pathlib.Path("/proc/self/maps").read_text()
print(json.dumps([platform.python_version(), [
    "profiled" if profiled else "not profiled",
    "LTO" if "--with-lto" in given or "-flto" in flags else "LTO not asked for",
    *level, "libpython shared" if shared else "one program", platform.python_compiler(),
]]))
"""
"""What each tells of itself, as app/web/server/interpreter.py finds out: Debian profiles without the option, and leaves
the flag empty. Whether it has LTO beyond what was asked for is not told."""


class Tries:
    """Of one interpreter, by round: microseconds of a request and of a token."""

    def __init__(self, python: str) -> None:
        self.programs = str(Path(python).absolute().parent)  # of the environment: the link is not followed
        ran = subprocess.run([python, "-c", TOLD], capture_output=True, check=True, text=True)
        self.version, self.built = json.loads(ran.stdout)
        self.requests: list[float] = []
        self.tokens: list[float] = []

    def row(self, first: "Tries") -> str:
        cells = [self.version, ", ".join(self.built)]
        for ours, theirs in ((self.requests, first.requests), (self.tokens, first.tokens)):
            ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
            spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if self is not first else ""
            cells += [f"{median(ours):.1f} µs", f"{median(ratios):.2f}{spread}"]
        return f"| {' | '.join(cells)} |"


def token(server: Served) -> float:
    """Seconds of CPU, in answers without end."""
    with callers(server, streams=STREAMS, tokens=ENDLESS, every=PACE, seconds=WINDOW) as figures:
        before = server.cpu()
        tokens = figures()["tokens"]
        return (server.cpu() - before) / tokens


def one_round(upstream: int, order: list[Tries], name: str) -> None:
    with ExitStack() as stack:
        servers = [(each, stack.enter_context(served(upstream, ROOT, programs=each.programs))) for each in order]
        for _, server in servers:
            ask(server, "warm")
        for each, server in servers:
            each.requests.append(cost(server, name) * 1e6)
        for each, server in servers:
            each.tokens.append(token(server) * 1e6)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--python", action="append", required=True, help="the first is compared with; repeat it")
    options.add_argument("--rounds", type=int, default=4)
    given = options.parse_args()
    allow_many_files()
    every, upstream = [Tries(each) for each in given.python], free_port()
    with running(["node", "bench/upstream.mjs", str(upstream)], upstream, {}):
        for number in range(given.rounds):
            turned = number % len(every)
            one_round(upstream, every[turned:] + every[:turned], str(number))
    print("| CPython | built | a request | to the first | a token | to the first |\n|---|---|---:|---:|---:|---:|")
    for each in every:
        print(each.row(every[0]))


if __name__ == "__main__":
    main()
