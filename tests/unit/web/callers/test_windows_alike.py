"""What moving windows promise wherever they are counted: in a worker's memory, in a Redis, and in one that two workers
share, of which each caller meets now this one and now that."""

import time
from collections.abc import Iterator
from itertools import cycle
from time import monotonic

import pytest
from limits import RateLimitItem, RateLimitItemPerSecond, WindowStats, parse
from limits.strategies import MovingWindowRateLimiter

from app.cluster.client import RedisClient
from app.web.callers.shared_windows import SharedWindowStorage, make_windows
from app.web.callers.windows import WindowStorage

LONG = parse("3/hour")


class Brief(RateLimitItemPerSecond):
    """So many in so many milliseconds, where the library's shortest window is a second."""

    def get_expiry(self) -> float:
        return self.multiples / 1000


class Workers:
    """Limiters that take turns, or one alone."""

    def __init__(self, *storages: WindowStorage | SharedWindowStorage) -> None:
        self._storages = storages
        self._limiters = [MovingWindowRateLimiter(storage) for storage in storages]
        self._next = cycle(self._limiters)

    def hit(self, item: RateLimitItem, name: str, cost: int = 1) -> bool:
        return next(self._next).hit(item, name, cost=cost)

    def test(self, item: RateLimitItem, name: str) -> bool:
        return next(self._next).test(item, name)

    def stats(self, item: RateLimitItem, name: str) -> WindowStats:
        return next(self._next).get_window_stats(item, name)

    def give_back(self, item: RateLimitItem, name: str) -> None:
        """At one of them."""
        self._storages[0].give_back(item.key_for(name), item.get_expiry())

    def clear(self, item: RateLimitItem, name: str) -> None:
        """At each of them."""
        for limiter in self._limiters:
            limiter.clear(item, name)


@pytest.fixture(params=["memory", "one on Redis", "two on Redis"])
def workers(request) -> Iterator[Workers]:
    if request.param == "memory":
        yield Workers(WindowStorage())
        return
    url, number = request.getfixturevalue("redis").url, 1 if request.param.startswith("one") else 2
    clients = [RedisClient(url, "a secret") for _ in range(number)]
    yield Workers(*(make_windows(client, "limits") for client in clients))
    for client in clients:
        client.close()


def hits(workers: Workers, item: RateLimitItem, *callers: str) -> list[bool]:
    return [workers.hit(item, caller) for caller in callers]


def test_as_many_pass_as_the_limit_says_and_each_caller_has_a_budget(workers) -> None:
    assert hits(workers, LONG, *"aabaabbb") == [True, True, True, True, False, True, True, False]


def test_limits_of_one_caller_are_counted_apart(workers) -> None:
    assert hits(workers, parse("1/hour"), *"aa") == [True, False]
    assert hits(workers, parse("2/hour"), *"aaa") == [True, True, False]
    assert hits(workers, parse("1/day"), *"aa") == [True, False]


@pytest.mark.timed
def test_the_window_moves_with_each_request(workers) -> None:
    item = Brief(2, 400)
    assert workers.hit(item, "a")
    time.sleep(0.3)
    assert hits(workers, item, *"aa") == [True, False]
    time.sleep(0.15)
    assert hits(workers, item, *"aa") == [True, False], "the first one has left, the second has not"
    time.sleep(0.27)
    assert hits(workers, item, *"aa") == [True, False], "the refused ones never counted"


def test_asking_spends_nothing(workers) -> None:
    assert [workers.test(LONG, "a") for _ in range(9)] == [True] * 9
    assert workers.stats(LONG, "a").remaining == 3
    hits(workers, LONG, *"aaa")
    assert not workers.test(LONG, "a")


@pytest.mark.timed
def test_when_the_next_one_may_come_is_told_by_the_oldest_that_counts(workers) -> None:
    item = Brief(3, 600)
    assert workers.stats(item, "a") == (pytest.approx(monotonic() + 0.6, abs=0.05), 3)
    began = monotonic()
    workers.hit(item, "a")
    time.sleep(0.4)
    second = monotonic()
    workers.hit(item, "a")
    assert workers.stats(item, "a") == (pytest.approx(began + 0.6, abs=0.05), 1)
    time.sleep(0.3)
    assert workers.stats(item, "a") == (pytest.approx(second + 0.6, abs=0.05), 2)


@pytest.mark.parametrize(
    ("costs", "passed"), [([2, 2, 1], [True, False, True]), ([4], [False]), ([3, 1], [True, False])]
)
def test_a_costly_request_counts_as_many(workers, costs, passed) -> None:
    assert [workers.hit(LONG, "a", cost=cost) for cost in costs] == passed


def test_what_is_given_back_counts_no_more_and_nothing_is_given_back_twice(workers) -> None:
    hits(workers, LONG, *"aaab")
    workers.give_back(LONG, "a")
    assert hits(workers, LONG, *"aa") == [True, False]
    for _ in range(9):
        workers.give_back(LONG, "nobody")
    assert hits(workers, LONG, "nobody", "nobody", "nobody", "nobody") == [True, True, True, False]
    assert hits(workers, LONG, *"bbb") == [True, True, False]


def test_a_budget_that_is_cleared_is_whole_again_and_no_other(workers) -> None:
    hits(workers, LONG, *"aaabbb")
    workers.clear(LONG, "a")
    workers.clear(LONG, "nobody")
    assert hits(workers, LONG, *"aaaab") == [True, True, True, False, False]
