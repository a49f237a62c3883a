"""When a file that could not be read is tried again, though it has not changed: an overloaded moment passes."""

import math
import time

FIRST_PAUSE_SECONDS = 60.0  # after which it is tried again; twice as long after each further failure
LONGEST_PAUSE_SECONDS = 86_400.0


def next_try(tries: int) -> float:
    """When it is due (seconds of the wall clock), after so many tries before the one that has just failed."""
    return time.time() + min(FIRST_PAUSE_SECONDS * 2.0 ** min(tries, 20), LONGEST_PAUSE_SECONDS)


def due_in(again: float | None) -> float:
    """Seconds until then; infinite without one. A time that is too far away is one of a clock that has been set back:
    it is due at once."""
    if again is None:
        return math.inf
    seconds = again - time.time()
    return seconds if 0 < seconds <= LONGEST_PAUSE_SECONDS else 0.0


def due(again: float | None) -> bool:
    return due_in(again) == 0
