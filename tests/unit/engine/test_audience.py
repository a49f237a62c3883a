"""Who listens to a turn hears it from then on; who is too slow is left behind, and nobody waits for them."""

import pytest

from app.engine.audience import MOST_EVENTS, MOST_LISTENERS, Audience, DistantListener, Listener
from app.engine.errors import ChatError, Problem
from app.engine.events import TextDelta, TurnFailed


def test_each_listener_takes_what_came_since_the_last_time() -> None:
    audience, news = Audience(), []
    one, other = (Listener(lambda: news.append("news")) for _ in range(2))
    audience.join(one)
    audience.hear([TextDelta("a")])
    audience.join(other)
    audience.hear([TextDelta("b"), TextDelta("c")])
    audience.hear(())
    assert list(one.take()) == [TextDelta("a"), TextDelta("b"), TextDelta("c")]
    assert list(other.take()) == [TextDelta("b"), TextDelta("c")]
    assert (list(one.take()), len(news)) == ([], 3)


def test_there_is_room_for_so_many_and_who_leaves_makes_room() -> None:
    audience, changes = Audience(), []
    audience.changed = lambda: changes.append(len(audience.listeners))
    listeners = [Listener(lambda: None) for _ in range(MOST_LISTENERS)]
    for each in listeners:
        audience.join(each)
    with pytest.raises(ChatError) as refused:
        audience.join(Listener(lambda: None))
    assert refused.value.problem is Problem.LIMITED
    audience.leave(listeners[0])
    audience.leave(listeners[0])
    audience.join(listeners[0])
    assert changes == [*range(1, MOST_LISTENERS + 1), MOST_LISTENERS - 1, MOST_LISTENERS]


def test_who_does_not_take_is_left_behind_and_holds_nothing_any_more() -> None:
    audience, slow, quick = Audience(), Listener(lambda: None), Listener(lambda: None)
    audience.join(slow)
    audience.join(quick)
    for number in range(MOST_EVENTS + 10):
        audience.hear([TextDelta(str(number))])
        assert list(quick.take()) == [TextDelta(str(number))]
    assert (slow.is_slow, list(slow.take())) == (True, [])
    assert not quick.is_slow


def test_who_listens_at_another_worker_is_counted_and_told_of_the_end_alone() -> None:
    audience, news = Audience(), []
    listener = DistantListener(lambda: news.append("ended"))
    audience.join(listener)
    for _ in range(MOST_EVENTS + 1):
        audience.hear([TextDelta("a")])
    assert (audience.listeners, listener.is_slow, list(listener.take()), news) == ([listener], False, [], [])
    audience.hear([TextDelta("a"), TurnFailed(ChatError(Problem.LEFT))])
    assert (list(listener.take()), news) == ([], ["ended"])
