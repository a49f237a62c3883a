"""What callers without a credential may have stored in a day."""

import pytest
from support.fakes import problem_of

from app.cluster.amounts import SharedAmounts
from app.cluster.client import RedisClient
from app.engine.errors import ChatError, Problem
from app.engine.messages import text_message
from app.web.callers.stored_bytes import MOST_ADDRESSES, StoredBytes, stored_size

HOUR = 3600


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stored(clock) -> StoredBytes:
    return StoredBytes(100, clock=clock)


def test_an_address_is_refused_from_its_most_on_and_no_other_is(stored) -> None:
    stored.check("a")
    stored.count("a", 99)
    stored.check("a")
    stored.count("a", 1)
    assert problem_of(lambda: stored.check("a")) is Problem.LIMITED
    stored.check("b")


def test_what_was_stored_counts_for_a_day_whatever_is_stored_later(stored, clock) -> None:
    stored.count("a", 60)
    clock.now += 5 * HOUR
    stored.count("a", 60)
    clock.now += 19 * HOUR
    assert problem_of(lambda: stored.check("a")) is Problem.LIMITED
    clock.now += HOUR
    stored.check("a")
    stored.count("a", 40)
    assert problem_of(lambda: stored.check("a")) is Problem.LIMITED
    clock.now += 25 * HOUR
    stored.check("a")


@pytest.mark.parametrize("sizes", [(100,), (50, 60), (10, 200, 1), (1000, 1000, 1000)])
def test_who_waits_as_long_as_is_said_may_ask_again_and_nobody_sooner(stored, clock, sizes) -> None:
    for size in sizes:
        stored.count("a", size)
        clock.now += 3 * HOUR
    with pytest.raises(ChatError) as refused:
        stored.check("a")
    wait = refused.value.retry_after
    clock.now += wait - 1.1
    assert problem_of(lambda: stored.check("a")) is Problem.LIMITED
    clock.now += 1.1
    stored.check("a")


def test_the_memory_is_bounded_by_forgetting_whom_was_counted_longest_ago(stored) -> None:
    stored.count("first", 100)
    for number in range(MOST_ADDRESSES - 1):
        stored.count(f"{number}", 100)
    assert problem_of(lambda: stored.check("first")) is Problem.LIMITED
    stored.count("one more", 1)
    stored.check("first")
    assert problem_of(lambda: stored.check("0")) is Problem.LIMITED


def test_workers_that_share_a_redis_count_together(redis, clock) -> None:
    clients = [RedisClient(redis.url, "a secret") for _ in range(3)]
    first, other, third = (StoredBytes(100, SharedAmounts(client, "bytes"), clock=clock) for client in clients)
    first.count("a", 60)
    other.count("a", 39)
    other.check("a")
    first.count("a", 1)
    with pytest.raises(ChatError) as refused:
        first.check("a")
    assert 24 * HOUR < refused.value.retry_after <= 25 * HOUR
    first.check("b")
    third.check("a")
    third.count("a", 0)
    assert problem_of(lambda: third.check("a")) is Problem.LIMITED
    clock.now += 25 * HOUR
    for each in (first, other, third):
        each.check("a")
    for client in clients:
        client.close()


def test_without_its_redis_a_worker_counts_on_alone(redis, clock) -> None:
    client = RedisClient(redis.url, "a secret")
    stored = StoredBytes(100, SharedAmounts(client, "bytes"), clock=clock)
    stored.count("a", 60)
    redis.fill()
    stored.count("a", 20)
    stored.check("a")
    stored.count("a", 20)
    assert problem_of(lambda: stored.check("a")) is Problem.LIMITED
    client.close()


@pytest.mark.parametrize(("text", "size"), [("a" * 10_000, 10_000), ("é" * 10_000, 60_000), ("😀" * 10_000, 120_000)])
def test_texts_count_as_they_are_stored(text, size) -> None:
    empty = stored_size([text_message("user", "")])
    assert stored_size([text_message("user", text)]) - empty == size
