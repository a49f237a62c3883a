"""How many streams a relay serves clean: 99 % of the gaps under twice the pace, no failure, no stream that waits."""

from windows import PACE, Up, Window, tell, window

STEP = 25
SECONDS = 3
TOKENS = 300


def clean_streams(up: Up, most: int) -> int:
    """The most that are clean, by halving; what just fails is tried once more, for other programs' sake."""
    low, high = 0, most // STEP + 1
    while high - low > 1:
        middle = (low + high) // 2
        found = _try(up, middle * STEP)
        if not is_clean(found, middle * STEP) and (found.seen["gap"]["p99"] or 1000) < 4 * PACE:
            found = _try(up, middle * STEP)
        if is_clean(found, middle * STEP):
            low = middle
        else:
            high = middle
    return low * STEP


def is_clean(found: Window, streams: int) -> bool:
    gap, wanted = found.seen["gap"]["p99"], streams * found.seconds * 1000 / PACE
    return gap is not None and gap < 2 * PACE and not found.seen["failed"] and found.seen["tokens"] > 0.9 * wanted


def _try(up: Up, streams: int) -> Window:
    """Prints what the measuring itself took: near 100 % of a core, it would be the limit that is found."""
    found = window(up, streams=streams, ramp=SECONDS, seconds=SECONDS, tokens=TOKENS, every=PACE)
    shares = " ".join(f"{share} %" for share in found.shares.values())
    tell(f"  {streams} streams: {'clean' if is_clean(found, streams) else 'not clean'}, gaps p99 "
         f"{found.seen['gap']['p99'] or 0:.0f} ms; CPU of relay, upstream, callers, others: {shares}")  # fmt: skip
    return found
