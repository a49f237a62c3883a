"""The time to the first token for one caller at a time, and for new ones beside others; and the time of each token."""

from collections.abc import Sequence
from typing import Any

from load import load
from processes import settle
from tries import Tries
from windows import ENDLESS, PACE, Up, in_turns, tell, window

ANSWER = 20  # tokens, to new callers


def firsts(ups: Sequence[Up], rounds: int, scale: float) -> Tries:
    """Milliseconds, by relay and round."""
    tries = Tries()
    for up in in_turns(ups, rounds):
        alone = window(up, streams=1, ramp=0.5, seconds=3 * scale, tokens=1, every=0).seen
        others, new = _beside_others(up, 4 * scale)
        tries.add(up.relay, {
            "alone_p50": alone["first"]["p50"], "alone_p99": alone["first"]["p99"],
            "beside_p50": new["first"]["p50"], "beside_p99": new["first"]["p99"],
            "each_p99": others["delay"]["p99"],
        })  # fmt: skip
    return tries


def _beside_others(up: Up, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """What those saw whose streams were open, and those who came meanwhile, evenly."""
    relay = up.relay
    job = {"streams": relay.streams, "tokens": ENDLESS, "every": PACE, "ramp": seconds / 2, "seconds": seconds + 1}
    with load(relay.port, relay.wire, relay.headers, **job) as open_streams:
        new = window(up, rest=False, rate=relay.rate, ramp=1, seconds=seconds, tokens=ANSWER, every=PACE).seen
        others = open_streams.figures()
    if up.pid:
        settle(up.pid)
    if not new["first"]["p50"]:
        tell(f"  no first token came through {up.relay.name} within {seconds:.0f} s")
        new["first"] = {"p50": seconds * 1000, "p99": seconds * 1000}
    return others, new
