"""Names are looked up in a few threads, and one that nobody answers for keeps no more than one of them."""

import threading
import time
from collections import Counter
from socket import SOCK_STREAM, gaierror
from typing import Any

import gevent
import pytest

from app.tools.http_request.lookups import THREADS, Lookups


class NameServer:
    """Looks up in whatever thread it is asked: names that begin with `slow` when they are let go, `gone` never."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answer = threading.Event()

    def __call__(self, host: str, port: int, **options: Any) -> Any:
        self.asked[host] += 1
        assert options == {"type": SOCK_STREAM}
        if host.startswith("slow"):
            self.answer.wait(30)
        if host.startswith("gone"):
            raise gaierror(-2, "Name or service not known")
        return [(2, 1, 6, "", ("192.0.2.1", port))]


@pytest.fixture
def names():
    made = NameServer()
    yield made
    made.answer.set()


def look_up(lookups: Lookups, host: str) -> Any:
    return lookups(host, 80, type=SOCK_STREAM)


def test_who_asks_for_a_name_that_is_being_looked_up_waits_for_the_same_answer(names) -> None:
    lookups = Lookups(5, names)
    waiting = [gevent.spawn(look_up, lookups, "slow.test") for _ in range(20)]
    gevent.sleep(0.05)
    assert look_up(lookups, "own.test") == [(2, 1, 6, "", ("192.0.2.1", 80))]
    names.answer.set()
    assert {greenlet.get(timeout=5)[0][4] for greenlet in waiting} == {("192.0.2.1", 80)}
    assert names.asked == {"slow.test": 1, "own.test": 1}
    look_up(lookups, "own.test")
    assert names.asked["own.test"] == 2, "nothing is remembered: what is checked is what is connected to"


def test_a_name_without_an_address_is_told_to_all_who_ask(names) -> None:
    lookups = Lookups(5, names)
    asking = [gevent.spawn(look_up, lookups, "gone.test") for _ in range(3)]
    gevent.joinall(asking)
    assert [type(greenlet.exception) for greenlet in asking] == [gaierror] * 3
    assert names.asked["gone.test"] == 1


def test_where_all_threads_are_stuck_for_long_nobody_waits_and_addresses_need_none(names) -> None:
    lookups = Lookups(0.2, names)
    stuck = [gevent.spawn(look_up, lookups, f"slow{number}.test") for number in range(THREADS)]
    gevent.sleep(0.05)
    patient = gevent.spawn(look_up, lookups, "own.test")
    gevent.sleep(0.2)
    asked = time.monotonic()
    with pytest.raises(TimeoutError):
        look_up(lookups, "late.test")
    assert time.monotonic() - asked < 0.05
    assert look_up(lookups, "192.0.2.7")
    names.answer.set()
    assert patient.get(timeout=5), "who came early enough waits for as long as the tool's time limit lets it"
    gevent.joinall(stuck, timeout=5)
    assert look_up(lookups, "late.test")


def test_a_caller_who_is_cut_keeps_no_place(names) -> None:
    lookups = Lookups(60, names)
    for number in range(THREADS):
        gevent.spawn(look_up, lookups, f"slow{number}.test")
    gevent.sleep(0.05)
    for number in range(20):
        with gevent.Timeout(0.01, False):
            look_up(lookups, f"cut{number}.test")
    names.answer.set()
    gevent.sleep(0.05)
    waiting = [gevent.spawn(look_up, lookups, f"own{number}.test") for number in range(20)]
    assert len(gevent.joinall(waiting, timeout=5)) == 20
