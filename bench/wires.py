"""What a token costs on each wire, to what it costs on the widget's: one server, endless answers, wires taking turns.
Run by itself, with the bench's interpreter:

.venv-bench/bin/python bench/wires.py [--litellm .venv-litellm/bin/litellm]

With LiteLLM's proxy, which speaks OpenAI's wire, that takes its turns too, with as many streams as it keeps up with.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median

from contenders import OURS, WIDGET, Relay, Wire, litellm_proxy, parlance
from processes import ROOT, allow_many_files, free_port, running
from windows import ENDLESS, PACE, Up, in_turns, tell, window

_ASKED = '"messages":[{"role":"user","content":"MESSAGE"}]'
WIRES = {
    "widget": WIDGET,
    "workers": Wire("/api/chat", "{" + _ASKED + "}", '"response":" '),
    "openai": Wire("/v1/chat/completions", '{"model":"demo","stream":true,' + _ASKED + "}", '"content":" '),
    "messages": Wire("/v1/messages", '{"model":"demo","max_tokens":1000000,"stream":true,' + _ASKED + "}", '"text":" '),
    "responses": Wire("/v1/responses", '{"model":"demo","stream":true,"input":"MESSAGE"}', '"delta":" '),
}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--rounds", type=int, default=6)
    ask.add_argument("--streams", type=int, default=100)
    ask.add_argument("--litellm", help="LiteLLM's program")
    options = ask.parse_args()
    allow_many_files()
    upstream, port, home = free_port(), free_port(), Path(tempfile.mkdtemp())
    try:
        served = parlance(upstream, port, home)
        relays = [_on(served, name) for name in WIRES]
        model = running(["node", "bench/upstream.mjs", str(upstream)], upstream, {})
        with model as behind, running(served.command, port, served.env) as pid, ExitStack() as stack:
            ups = [Up(replace(each, streams=options.streams), pid, behind) for each in relays]
            if options.litellm:
                proxy = litellm_proxy(upstream, free_port(), options.litellm, home)
                up = Up(proxy, stack.enter_context(running(proxy.command, proxy.port, proxy.env)), behind)
                ups.insert(len(ups) // 2, up)  # never twice in a row: it takes its time to come to rest
            found = _measure(ups, options.rounds)
    finally:
        shutil.rmtree(home)
    print("| wire | CPU of a token, µs | to the widget's | least and most |\n|---|---:|---:|---:|")
    for name, tries in found.items():
        ratios = [each / widget for each, widget in zip(tries, found["widget"], strict=True)]
        print(f"| {name} | {median(tries):.1f} | {median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |")


def _on(served: Relay, name: str) -> Relay:
    """The same server on another wire, with the key that this one takes."""
    if name == "widget":
        return replace(served, short=name)
    config = Path(served.env["PARLANCE_CONFIG"])
    config.write_text(config.read_text().replace("[limits]\n", f'[limits]\n{name} = "100000000/minute"\n'))
    command = [f"{OURS}/flask", "keys", "create", "--agent", "demo", "--kind", "secret"]
    ran = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **served.env}, check=True, stdout=subprocess.PIPE, text=True
    )
    return replace(served, short=name, wire=WIRES[name], headers={"authorization": f"Bearer {ran.stdout.strip()}"})


def _measure(ups: list[Up], rounds: int) -> dict[str, list[float]]:
    """Microseconds of each round, by wire."""
    tries: dict[str, list[float]] = {up.relay.short: [] for up in ups}
    for up in in_turns(ups, rounds):
        name = up.relay.short
        for _ in range(3):  # LiteLLM may still be busy with those who have left, and say nothing in its window
            seen = window(up, ramp=2, seconds=5, streams=up.relay.streams, tokens=ENDLESS, every=PACE)
            if seen.seen["tokens"]:
                break
        tries[name].append(seen.relay_cpu / seen.seen["tokens"] * 1e6)
        tell(f"  {name}: {tries[name][-1]:.1f} µs")
    return tries


if __name__ == "__main__":
    main()
