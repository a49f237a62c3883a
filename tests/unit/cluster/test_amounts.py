"""Amounts in Redis: which hours count, and for how long."""

import time

import pytest
from support.proxy import lie

from app.cluster.amounts import SharedAmounts
from app.cluster.client import UnavailableError

HOUR = 3600


@pytest.fixture
def amounts(client) -> SharedAmounts:
    return SharedAmounts(client, "bytes")


def test_amounts_of_an_hour_are_one_and_count_for_the_hours_after_it(amounts) -> None:
    amounts.add("a", 5, 24)
    found = amounts.add("a", 7, 24)
    assert sum(found.values()) == 12
    assert all(23 * HOUR < seconds <= 25 * HOUR for seconds in found)
    assert sum(amounts.add("b", 1, 24).values()) == 1


def test_hours_that_are_over_are_forgotten_and_so_are_those_that_lie_ahead(amounts, redis, client) -> None:
    key, hour = client.key("bytes", "a"), int(time.time() // HOUR)
    for ago in (-9, -2, 3, 24, 26, 900):
        redis.client.hset(key, hour - ago, 10)
    assert sum(amounts.add("a", 1, 24).values()) in (11, 21)  # the hour may have changed meanwhile
    assert set(redis.client.hkeys(key)).isdisjoint(str(hour - ago).encode() for ago in (-9, -2, 26, 900))
    assert 0 < redis.client.ttl(key) <= 25 * HOUR


def test_an_amount_is_one_trip(amounts, way) -> None:
    amounts.add("a", 5, 24)
    way.asked.clear()
    amounts.add("a", 5, 24)
    assert len(way.asked) == 1


@pytest.mark.parametrize("answer", [b"*0\r\n", b"*1\r\n:1\r\n", b"*2\r\n:-1\r\n:1\r\n"])
def test_numbers_that_are_no_amounts_are_another_servers(amounts, way, answer) -> None:
    way.answer = lie(answer)
    with pytest.raises(UnavailableError, match="as no Redis does"):
        amounts.add("a", 5, 24)
