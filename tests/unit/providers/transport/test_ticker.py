"""One timer that wakes reads which have been silent for too long."""

from time import monotonic
from typing import Any

import gevent
import pytest

from app.providers.transport.ticker import TICK_SECONDS, Ticker, Watch


class OverdueError(Exception):
    pass


def read(watch: Watch, seconds: float) -> None:
    """As a response reads: what waits may be interrupted."""
    watch.greenlet = gevent.getcurrent()
    watch.waiting = True
    try:
        gevent.sleep(seconds)
    finally:
        watch.waiting = False


def test_a_silent_read_is_woken_at_the_next_tick_with_what_is_overdue() -> None:
    seen: list[tuple[float, float]] = []

    def overdue(silent: float, age: float) -> Exception | None:
        seen.append((silent, age))
        return OverdueError() if silent > 0.15 else None

    ticker, watch = Ticker(), Watch(overdue)
    ticker.add(watch)
    begun = monotonic()
    with pytest.raises(OverdueError):
        read(watch, 5)
    assert 0.15 <= monotonic() - begun < 0.15 + 10 * TICK_SECONDS
    watch.since = monotonic()  # progress
    with pytest.raises(OverdueError):
        read(watch, 5)
    ticker.remove(watch)
    assert all(silent <= age for silent, age in seen)
    assert seen[-1][1] > seen[-1][0] + 0.15, "the age goes on through progress"


def test_a_watch_that_is_removed_or_reads_nothing_is_left_alone() -> None:
    asked: list[Any] = []
    ticker, watch, other = Ticker(), Watch(lambda *times: asked.append(times)), Watch(lambda *_: None)
    ticker.add(watch)
    ticker.add(other)
    gevent.sleep(2.5 * TICK_SECONDS)
    assert asked == [], "it waits for nothing"
    ticker.remove(watch)
    ticker.remove(watch)
    read(watch, 2.5 * TICK_SECONDS)
    assert asked == []
    ticker.remove(other)


def test_another_greenlet_interrupts_a_read_but_nothing_else() -> None:
    watch = Watch(lambda *_: None)
    gevent.spawn_later(0.02, watch.interrupt, OverdueError())
    with pytest.raises(OverdueError):
        read(watch, 5)
    watch.interrupt(OverdueError())
    gevent.sleep(0.02)
