"""When a delivery that was not taken is tried again."""

from random import uniform

PAUSES = (5, 30, 120, 600, 1800, 3600)  # seconds behind each attempt; the last one behind all further ones
JITTER = 0.2  # so much more or less, that what failed together does not come back together
MOST_ATTEMPTS = 78  # in a bit more than three days


def pause_after(attempt: int, asked: int | None = None) -> float | None:
    """Seconds until the next attempt; None where there is none. Attempts count from 1. It is no sooner than a receiver
    has `asked`, and then an hour at most."""
    if attempt >= MOST_ATTEMPTS:
        return None
    pause = PAUSES[min(attempt, len(PAUSES)) - 1] * uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    if not asked:
        return pause
    return min(max(pause, asked * uniform(1, 1 + JITTER)), PAUSES[-1])  # noqa: S311 - no secret
