"""Whether memory stays flat over many requests, by callers who come one after another, eight at a time:

.venv/bin/python bench/soak.py --requests 60000
"""

import argparse

from ablate import QUESTIONS, ask
from processes import ROOT, allow_many_files, family, free_port, memory_mib, running, settle
from served import served

STEPS = 12


def main() -> None:
    ask_for = argparse.ArgumentParser(description=__doc__)
    ask_for.add_argument("--requests", type=int, default=60_000)
    options = ask_for.parse_args()
    allow_many_files()
    upstream = free_port()
    rounds = options.requests // QUESTIONS // STEPS
    print("| requests | MiB of the worker and gunicorn | processes |\n|---:|---:|---:|")
    with running(["node", "bench/upstream.mjs", str(upstream)], upstream, {}), served(upstream, ROOT) as server:
        for step in range(STEPS + 1):
            settle(server.pid)
            processes = family(server.pid)
            print(f"| {step * rounds * QUESTIONS} | {memory_mib(server.pid):.1f} | {len(processes)} |", flush=True)
            for number in range(rounds if step < STEPS else 0):
                ask(server, f"{step}-{number}")


if __name__ == "__main__":
    main()
