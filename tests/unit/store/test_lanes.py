"""Native threads with one queue: who waits, for how long, and what becomes of work that nobody waits for any more."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import pytest
from gevent import GreenletExit

from app.store.lanes import DeadlineError, Jobs, Lane, LaneFullError

pytestmark = pytest.mark.timed


@contextmanager
def new_executor() -> Iterator[Callable[[Jobs], None]]:
    here = threading.get_ident()
    yield lambda jobs: jobs.first.do(here)


@contextmanager
def new_collector() -> Iterator[Callable[[Jobs], None]]:
    """Works off at once what waits; each work is told how many were before it."""

    def execute(jobs: Jobs) -> None:
        for number, job in enumerate(jobs):
            job.do(number)

    yield execute


class Gate:
    """Work that holds a thread until the gate is opened."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self.entered = threading.Event()
        self.left = False

    def __call__(self, _thread: int) -> str:
        self.entered.set()
        assert self._opened.wait(20)
        self.left = True
        return "through"

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


def held(lane: Lane, gate: Gate) -> gevent.Greenlet:
    """A greenlet whose work holds a thread of the lane."""
    holder = gevent.spawn(lane.run, gate, 20)
    while not gate.entered.is_set():
        gevent.sleep(0.001)
    return holder


def seconds_until_refused(lane: Lane, seconds: float) -> float:
    begun = time.monotonic()
    with pytest.raises(DeadlineError):
        lane.run(lambda _: pytest.fail("begun after its deadline"), seconds)
    return time.monotonic() - begun


def test_what_the_work_returns_and_raises_reaches_its_caller() -> None:
    lane = Lane(new_executor, 1, 10)
    assert lane.run(lambda _: "here", 5) == "here"
    with pytest.raises(ZeroDivisionError):
        lane.run(lambda _: 1 / 0, 5)
    with pytest.raises(GreenletExit):
        lane.run(lambda _: (_ for _ in ()).throw(GreenletExit()), 5)
    assert lane.run(lambda thread: thread, 5) != threading.get_ident()


def test_threads_are_started_when_they_are_needed(gate) -> None:
    lane = Lane(new_executor, 3, 10)
    threads = {lane.run(lambda thread: thread, 5) for _ in range(10)}
    assert len(threads) == 1
    held(lane, gate)
    side_by_side = {lane.run(lambda thread: thread, 5) for _ in range(10)}
    assert len(side_by_side) == 1
    assert side_by_side != threads


def test_one_that_takes_long_holds_up_nobody_while_there_is_another_thread(gate) -> None:
    lane = Lane(new_executor, 2, 10)
    holder = held(lane, gate)
    for _ in range(20):
        assert lane.run(lambda _: "at once", 0.5) == "at once"
    assert not holder.ready()


def test_all_who_wait_are_refused_by_their_own_deadline(gate) -> None:
    lane = Lane(new_executor, 1, 100)
    held(lane, gate)
    waits = [gevent.spawn(seconds_until_refused, lane, 0.2 + number / 100) for number in range(20)]
    gevent.joinall(waits, timeout=5, raise_error=True)
    late = [wait.value - (0.2 + number / 100) for number, wait in enumerate(waits)]
    assert min(late) >= 0
    assert max(late) < 0.15
    gate.open()
    assert lane.run(lambda _: "next", 5) == "next"


def test_where_as_many_wait_as_may_the_next_is_refused_at_once(gate) -> None:
    lane = Lane(new_executor, 1, 3)
    held(lane, gate)
    waiting = [gevent.spawn(lane.run, lambda _: "done", 5) for _ in range(3)]
    gevent.sleep(0)
    begun = time.monotonic()
    with pytest.raises(LaneFullError):
        lane.run(lambda _: pytest.fail("begun"), 5)
    assert time.monotonic() - begun < 0.05
    gate.open()
    gevent.joinall(waiting, timeout=5, raise_error=True)
    assert lane.run(lambda _: "room", 5) == "room"


def test_they_begin_in_the_order_in_which_they_came(gate) -> None:
    lane, order = Lane(new_executor, 1, 200), []
    held(lane, gate)
    waiting = [gevent.spawn(lane.run, lambda _, number=number: order.append(number), 5) for number in range(100)]
    gevent.sleep(0)
    gate.open()
    late = gevent.spawn(lane.run, lambda _: order.append("late"), 5)
    gevent.joinall([*waiting, late], timeout=5, raise_error=True)
    assert order == [*range(100), "late"]


@pytest.mark.parametrize("how", ["killed", "timed out"])
def test_work_that_waits_for_a_caller_who_is_gone_never_begins(gate, how) -> None:
    lane, ran = Lane(new_executor, 1, 10), []

    def call() -> None:
        with gevent.Timeout(0.05 if how == "timed out" else None, False):
            lane.run(lambda _: ran.append("ran"), 5)

    held(lane, gate)
    caller = gevent.spawn(call)
    gevent.sleep(0.01)
    if how == "killed":
        caller.kill(timeout=1)
    caller.join(1)
    assert caller.dead, "it does not wait for work that has not begun"
    gate.open()
    lane.run(lambda _: None, 5)
    assert ran == []


def test_a_caller_who_is_killed_while_the_work_goes_on_ends_when_the_work_has(gate) -> None:
    lane = Lane(new_executor, 1, 10)
    caller = held(lane, gate)
    for _ in range(3):
        caller.kill(timeout=0.05)
        assert not caller.dead
    gate.open()
    caller.join(2)
    assert gate.left
    assert isinstance(caller.value, GreenletExit), "the kill was not lost"


def test_work_that_has_begun_in_time_is_waited_for_beyond_the_deadline() -> None:
    lane = Lane(new_executor, 1, 10)
    assert lane.run(lambda _: time.sleep(0.3) or "late", 0.1) == "late"


def test_what_waits_is_worked_off_at_once_in_its_order_but_for_what_was_given_up() -> None:
    lane, release = Lane(new_collector, 1, 100), threading.Event()
    told = []

    def call(number: int) -> None:
        told.append((number, lane.run(lambda before: release.wait(5) and before, 5)))

    holder = gevent.spawn(call, 0)
    waiting = [gevent.spawn(call, number) for number in range(1, 5)]
    gevent.sleep(0.05)
    waiting[1].kill(timeout=1)
    release.set()
    gevent.joinall([holder, *waiting], timeout=5, raise_error=True)
    assert told == [(0, 0), (1, 1), (3, 3), (4, 4)]


def test_where_the_thread_fails_all_that_it_has_taken_are_told_and_the_next_ones_are_not_concerned() -> None:
    failing = threading.Event()

    @contextmanager
    def new_failing() -> Iterator[Callable[[Jobs], None]]:
        def execute(jobs: Jobs) -> None:
            for job in jobs:
                job.do(None)
            if failing.is_set():
                raise OSError

        yield execute

    lane, release = Lane(new_failing, 1, 100), threading.Event()
    failing.set()
    calls = [gevent.spawn(lane.run, lambda _: release.wait(5), 5) for _ in range(5)]
    gevent.sleep(0.05)
    release.set()
    gevent.joinall(calls, timeout=5)
    assert [type(call.exception) for call in calls] == [OSError] * 5
    failing.clear()
    assert lane.run(lambda _: "well", 5) == "well"


def test_begun_or_given_up_never_both() -> None:
    """Deadlines that pass while threads begin: each call either was refused, or its work ran and it got the result. And
    the event loop does not lose count of what it waits for."""
    lane, ran = Lane(new_executor, 4, 5000), set()
    lane.run(lambda _: None, 5)
    waits = gevent.get_hub().loop.activecnt

    def call(number: int) -> int | None:
        try:
            return lane.run(lambda _: time.sleep(0.0002) or ran.add(number) or number, (number % 50) / 1000)
        except DeadlineError:
            return None

    calls = [gevent.spawn(call, number) for number in range(2000)]
    gevent.joinall(calls, timeout=20, raise_error=True)
    told = {each.value for each in calls} - {None}
    lane.run(lambda _: None, 5)
    gevent.sleep(0.05)
    assert told == ran
    assert gevent.get_hub().loop.activecnt == waits
    assert 0 < len(told) < 2000
