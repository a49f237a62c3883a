"""The lock that owners get in turn."""

import gevent

from app.workflows.templates.fair_queue import FairQueue


def test_of_those_who_wait_each_owner_has_a_turn_and_who_gives_up_takes_none() -> None:
    queue, order = FairQueue(), []

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
