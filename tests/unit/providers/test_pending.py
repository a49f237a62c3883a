"""A model that is being opened, while its caller waits."""

import time
from functools import partial

import gevent
import pytest
from support.fallback import FAILED, SPEAKS, Stub

from app.engine.errors import ModelError
from app.providers.pending import PendingStream
from app.testing.provider_apis import make_prompt


def test_heartbeats_come_until_the_model_is_open_and_then_there_is_its_stream() -> None:
    pending = PendingStream(Stub(SPEAKS, before=partial(gevent.sleep, 0.5)), make_prompt(), 0.1, 0)
    silence = [*pending]
    assert len(silence) >= 2
    assert not any(silence)
    assert [*pending.stream] == SPEAKS


def test_the_pause_comes_before_the_model_is_opened() -> None:
    model, begun = Stub(SPEAKS), time.monotonic()
    assert len([*PendingStream(model, make_prompt(), 0.1, 0.5)]) >= 2
    assert model.opened[0] - begun >= 0.5


def test_what_opening_raises_is_raised_where_it_is_waited_for() -> None:
    pending = PendingStream(Stub(FAILED), make_prompt(), 5, 0)
    with pytest.raises(ModelError):
        list(pending)
    assert pending.stream is None


@pytest.mark.parametrize(("pause", "seconds"), [(5, 0), (0, 5)], ids=["in its pause", "while it opens"])
def test_closing_ends_the_opening_at_once(pause, seconds) -> None:
    pending = PendingStream(Stub(SPEAKS, before=partial(gevent.sleep, seconds)), make_prompt(), 60, pause)
    gevent.spawn_later(0.02, pending.close)
    begun = time.monotonic()
    assert [*pending] == []
    assert time.monotonic() - begun < 2
    assert pending.stream is None


def test_closing_closes_what_has_been_opened() -> None:
    model = Stub(SPEAKS)
    pending = PendingStream(model, make_prompt(), 5, 0)
    assert [*pending] == []
    pending.close()
    assert model.closed == 1
