"""A stream that plays cues."""

import time

import gevent
import pytest

from app.engine.events import TextDelta
from app.providers.local.player import Fail, Pause, Player, Say

A, B = [TextDelta("a")], [TextDelta("b")]


def test_cues_are_played_in_order_and_a_failure_ends_them() -> None:
    stream = iter(Player([Say(A), Say(B), Fail(KeyError("x")), Say(A)], 5))
    assert [next(stream), next(stream)] == [A, B]
    with pytest.raises(KeyError):
        next(stream)
    assert list(stream) == []


def test_a_pause_is_silence_with_an_empty_batch_after_each_heartbeat() -> None:
    begun = time.monotonic()
    batches = list(Player([Pause(0.25), Say(A)], 0.1))
    assert batches == [(), (), A]
    assert time.monotonic() - begun >= 0.25


def test_closing_ends_a_pause_at_once_and_plays_nothing_more() -> None:
    stream = Player([Pause(5), Say(A)], 60)
    gevent.spawn_later(0.02, stream.close)
    begun = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - begun < 2
    stream.close()
    assert list(stream) == []


def test_cues_without_pauses_let_other_greenlets_run() -> None:
    others: list[int] = []
    gevent.spawn(others.append, 1)
    stream = iter(Player([Say(A), Say(B)], 5))
    next(stream)
    next(stream)
    assert others == [1]
