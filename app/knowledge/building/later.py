"""When a file that could not be read is tried again, though it has not changed: an overloaded moment passes."""

import math
import time

FIRST_PAUSE_SECONDS = 60.0  # after which it is tried again; twice as long after each further failure
LONGEST_PAUSE_SECONDS = 86_400.0

Again = list[float]
"""When it is due (seconds of the wall clock), and how many seconds it was until then when that was decided."""


def next_try(tries: int) -> Again:
    """After so many tries before the one that has just failed."""
    pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(tries, 20), LONGEST_PAUSE_SECONDS)
    return [time.time() + pause, pause]


def due_in(again: Again | None) -> float:
    """Seconds until then; infinite without one. Where that is longer than it was at first, the clock has been set back:
    it is due at once."""
    if again is None:
        return math.inf
    at, pause = again
    seconds = at - time.time()
    return seconds if 0 < seconds < pause + 1 else 0.0


def due(again: Again | None) -> bool:
    return due_in(again) == 0
