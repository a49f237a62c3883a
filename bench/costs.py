"""CPU of a request and of a token, told apart: by windows with answers of two lengths. The relays take turns.

Short answers have fewer streams, so that as many requests come a second as with long ones: a request that comes alone
costs more than one among others, and a token does, too. What tokens cost by themselves, endless answers tell as well.
"""

from collections.abc import Sequence

from clean import is_clean
from tries import Tries
from windows import ENDLESS, PACE, Up, Window, in_turns, tell, window

SHORT, LONG = 20, 300  # tokens of an answer
LIMIT = 90  # percent of a core
AT_ONCE = 8  # callers of answers of one token, each of whom asks again at once
BURST = 2000  # tokens of an answer that comes at once

Shares = dict[str, dict[str, int]]


def costs(ups: Sequence[Up], rounds: int, scale: float) -> tuple[Tries, Shares]:
    """Microseconds, by relay and round; and the shares of a core, by relay, in the last round's long answers."""
    tries, shares = Tries(), {}
    answer = max(round(LONG * min(scale, 1)), 2 * SHORT)  # it has to end within its window
    for up in in_turns(ups, rounds):
        streams = up.relay.streams
        long = most = _window(up, scale, streams=streams, ramp=6, seconds=6, tokens=answer)
        if not _keeps_up(long, streams):
            streams = max(streams // 2, 1)
            tell(f"  {up.relay.name} is at its limit: requests and tokens are told apart with {streams} streams")
            long = _window(up, scale, streams=streams, ramp=6, seconds=6, tokens=answer)
        short = _window(up, scale, streams=max(streams * SHORT // answer, 1), ramp=1, seconds=5, tokens=SHORT)
        endless = _window(up, scale, streams=streams, ramp=1, seconds=3, tokens=ENDLESS)
        burst = _window(up, scale, streams=1, ramp=0.5, seconds=2, tokens=BURST, every=0)
        busy = _window(up, scale, streams=AT_ONCE, ramp=0.5, seconds=2, tokens=1, every=0)
        request, token = solve(short, long)
        tries.add(up.relay, {
            "per_request": request, "per_token": token, "cpu_per_token": _per_token(most),
            "endless": _per_token(endless), "burst": _per_token(burst), "at_once": _per_token(busy),
            "streams": streams,
        })  # fmt: skip
        shares[up.relay.short] = most.shares
    return tries, shares


def solve(short: Window, long: Window) -> tuple[float, float]:
    """Of a request and of a token: the two figures with which both windows' CPU comes out."""
    (a, b), (c, d) = ((each.requests, each.seen["tokens"]) for each in (short, long))
    determinant = a * d - b * c
    request = (short.relay_cpu * d - long.relay_cpu * b) / determinant
    token = (long.relay_cpu * a - short.relay_cpu * c) / determinant
    return request * 1e6, token * 1e6


def _window(up: Up, scale: float, *, ramp: float, seconds: float, **job: float) -> Window:
    found = window(up, **{"every": PACE, **job}, ramp=ramp * scale, seconds=seconds * scale)
    if not found.seen["tokens"]:
        raise SystemExit(f"no token came through {up.relay.name}")
    if found.seen["failed"]:
        tell(f"  {found.seen['failed']} answers failed at {up.relay.name}")
    return found


def _keeps_up(found: Window, streams: int) -> bool:
    """Of a relay at its limit, which begins fewer answers than it is asked for, the two figures would say nothing."""
    return is_clean(found, streams) and found.shares["relay"] < LIMIT


def _per_token(found: Window) -> float:
    return found.relay_cpu / found.seen["tokens"] * 1e6
