"""The places that owners get in turn."""

import gevent
from gevent.event import Event

from app.processes.fair_queue import FairQueue


def test_of_those_who_wait_each_owner_has_a_turn_and_who_gives_up_takes_none() -> None:
    queue, order = FairQueue(1, 1), []

    def use(owner: str) -> None:
        with queue.turn(owner):
            order.append(owner)
            gevent.sleep(0)

    with queue.turn("first"):
        waiting = [gevent.spawn(use, owner) for owner in ("a", "a", "a", "gone", "b", "a", "b", "gone too")]
        gevent.sleep(0)
        waiting[3].kill()
    waiting[7].kill()
    gevent.joinall(waiting, timeout=5)
    assert order == ["a", "b", "a", "b", "a", "a"]
    use("last")
    assert order[-1] == "last"


def test_one_owner_leaves_places_to_others_and_nobody_waits_for_a_place_that_is_free() -> None:
    queue, holds, go_on = FairQueue(4, 3), [], Event()

    def use(owner: str) -> None:
        with queue.turn(owner):
            holds.append(owner)
            go_on.wait()

    greedy = [gevent.spawn(use, "greedy") for _ in range(10)]
    gevent.sleep(0)
    assert holds == ["greedy"] * 3
    other = gevent.spawn(use, "other")
    gevent.sleep(0)
    assert holds == ["greedy"] * 3 + ["other"]
    third = [gevent.spawn(use, "third") for _ in range(2)]
    gevent.sleep(0)
    assert len(holds) == 4
    greedy[0].kill()
    other.kill()
    gevent.sleep(0)
    assert sorted(holds[4:]) == ["greedy", "third"], "a turn each"
    go_on.set()
    gevent.joinall([*greedy, *third], timeout=5)
    assert sorted(holds) == ["greedy"] * 10 + ["other"] + ["third"] * 2
    assert (queue._free, queue._held, queue._waiting) == (4, {}, {})
