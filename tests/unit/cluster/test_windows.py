"""Windows in Redis: what one call answers, what stays there, and clocks that are set."""

import time

import pytest
from support.proxy import lie

from app.cluster.client import UnavailableError
from app.cluster.windows import SharedWindows


@pytest.fixture
def windows(client) -> SharedWindows:
    return SharedWindows(client, "limits")


def test_one_trip_counts_and_tells_what_counts(windows, way) -> None:
    first = windows.hit("a", 2, 60)
    assert (first.admitted, first.hits, first.age) == (True, 1, 0)
    time.sleep(0.1)
    way.asked.clear()
    second, third = windows.hit("a", 2, 60), windows.hit("a", 2, 60)
    assert (second.admitted, second.hits) == (True, 2)
    assert (third.admitted, third.hits) == (False, 2)
    assert 0.1 <= second.age <= third.age < 1
    assert len(way.asked) == 2


def test_windows_of_another_kind_are_others(windows, client) -> None:
    windows.hit("a", 1, 60)
    assert SharedWindows(client, "sign-in").hit("a", 1, 60).admitted


def test_nothing_stays_when_nothing_counts_any_more(windows, redis) -> None:
    windows.hit("a", 5, 0.2)
    windows.hit("b", 5, 60)
    windows.give_back("b")
    windows.look("c", 5, 60)
    time.sleep(0.3)
    assert redis.client.dbsize() == 0


def test_a_clock_that_was_set_back_locks_nobody_out(windows, redis, client) -> None:
    key, ahead = client.key("limits", "a"), round(time.time() * 1000) + 86_400_000
    for number in range(3):
        redis.client.rpush(key, ahead + number)
    assert [windows.hit("a", 2, 60).admitted for _ in range(3)] == [True, True, False]
    assert windows.look("a", 2, 60).hits == 2


def test_a_number_of_the_same_name_by_another_program_is_an_error_and_no_window(windows, redis, client) -> None:
    redis.client.set(client.key("limits", "a"), "x")
    with pytest.raises(UnavailableError, match="WRONGTYPE"):
        windows.hit("a", 2, 60)


@pytest.mark.parametrize("answer", [b"*2\r\n:1\r\n:1\r\n", b"*3\r\n:7\r\n:1\r\n:1\r\n", b"*3\r\n:1\r\n:1\r\n:-1\r\n"])
def test_numbers_that_are_no_window_are_another_servers(windows, way, answer) -> None:
    way.answer = lie(answer)
    with pytest.raises(UnavailableError, match="as no Redis does"):
        windows.hit("a", 2, 60)
