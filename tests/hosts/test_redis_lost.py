"""Redis is slow, gone, frozen, full, or lies, for one host or both: nobody is refused, and nobody misses a word."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event, Thread

import pytest
from redis import Redis
from redis.exceptions import RedisError
from support.hosts import Host, Hosts, heard, listening, spoken_in
from support.proxy import Proxy, delay, halve, lie
from support.wires import WidgetStream

from app.testing.asked import Asked, last, numbered, spoken
from app.testing.server import eventually, script

pytestmark = pytest.mark.timed

PAGE = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nhello"
NOT_TOLD, TOLD_AGAIN = "other workers are not told at once", "other workers are told at once again"
ALONE, OF_USE = "Redis is of no use", "Redis is of use again"


def slowed(way: Proxy) -> None:
    way.answer = delay(0.6)


def halved(way: Proxy) -> None:
    way.answer = halve


def lied_to(way: Proxy) -> None:
    way.answer = lie(PAGE)


def both_hear(hosts: Hosts, seconds: float, meanwhile: Callable[[], None]) -> None:
    """Who asks at one host, and who listens at the other, hear all of the answer, and neither waits for its end."""
    cues, text = spoken_in(seconds)
    with Asked(hosts.caller(WidgetStream()), script(*cues)) as asked, ThreadPoolExecutor() as pool:
        begun = time.monotonic()
        listener = pool.submit(heard, listening(asked))
        meanwhile()
        own = asked.rest()
        assert time.monotonic() - begun < seconds + 2, "it was held up"
        told, longest = listener.result()
        assert time.monotonic() - begun < seconds + 4
    assert spoken(numbered(own)) == spoken(numbered(told)) == text
    assert last(numbered(own)) == last(numbered(told))
    assert longest < 2, "keep-alives, at least"


def asks(host: Host, hosts: Hosts) -> None:
    """Nobody is refused there, and nobody waits for long."""
    begun = time.monotonic()
    caller = hosts.caller(WidgetStream(), "a" if host is hosts.a else "b")
    caller.back = None
    assert caller.ask(script({"text": "x"})).status_code == 200
    assert time.monotonic() - begun < 1.5


def check_at_once(hosts: Hosts) -> None:
    """Nobody waits for a look at a row, on an idle machine."""

    def stopped_at_once() -> bool:
        with Asked(hosts.caller(WidgetStream()), script({"text": "so far"}, {"pause": 60})) as asked:
            begun = time.monotonic()
            assert asked.stop().status_code == 200
            took = time.monotonic() - begun
            asked.rest()
        return took < 0.25

    for _ in range(3):
        eventually(stopped_at_once, 10)


@pytest.mark.parametrize(
    ("fault", "of"),
    [(Proxy.hold, "b"), (Proxy.cut, "a"), (slowed, "ab"), (halved, "b"), (lied_to, "ab")],
    ids=["silent", "gone", "slow", "breaks off", "another server"],
)
def test_whatever_becomes_of_redis_costs_time_alone_and_is_told_once(hosts: Hosts, fault, of) -> None:
    hurt = [getattr(hosts, each) for each in of]
    before = [(host, host.log_length()) for host in hurt]

    def meanwhile() -> None:
        for host in hurt:
            fault(host.to_redis)
        for host in hurt:
            asks(host, hosts)
            status, checks = host.ready()
            assert (status, checks["database"]) == (200, "ok")
            assert checks["redis"].startswith("limits are counted by each worker alone: ")
        if fault is not slowed:
            eventually(lambda: all(host.told(NOT_TOLD, known) for host, known in before), 8)
        for host in hurt:
            host.mend()

    both_hear(hosts, 6, meanwhile)
    eventually(lambda: hosts.a.is_well() and hosts.b.is_well(), 20)
    for host, known in before:
        assert host.told(ALONE, known) == host.told(OF_USE, known) == 1
        assert host.told(NOT_TOLD, known) == host.told(TOLD_AGAIN, known) == (fault is not slowed)
        assert "Traceback" not in str(host.server.log()[known:])
    check_at_once(hosts)


@contextmanager
def noise(port: int) -> Iterator[None]:
    """Each message comes once more a little later, and now and then those who listen are cut off."""
    over, seen = Event(), set[bytes]()
    client = Redis(port=port)

    def repeat() -> None:
        with client.pubsub() as ear:
            ear.psubscribe("parlance:*:worker:*")
            while not over.is_set():
                with suppress(RedisError):
                    message = ear.get_message(timeout=0.05)
                    if message and message["type"] == "pmessage" and message["data"] not in seen:
                        seen.add(message["data"])
                        time.sleep(0.02)
                        client.publish(message["channel"], message["data"])

    def cut_off() -> None:
        while not over.wait(0.7):
            client.client_kill_filter(_type="pubsub")

    threads = [Thread(target=each) for each in (repeat, cut_off)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in threads:
            each.join()
        client.close()
    assert seen, "there was something to repeat"


def test_messages_that_are_lost_or_come_twice_or_late_make_no_difference(hosts: Hosts) -> None:
    with noise(hosts.redis.port):
        both_hear(hosts, 5, lambda: None)


def test_while_redis_is_full_workers_hear_each_other_at_once(hosts: Hosts) -> None:
    hosts.redis.fill()
    try:
        asks(hosts.a, hosts)
        check_at_once(hosts)
        for host in (hosts.a, hosts.b):
            assert host.ready()[1]["redis"].endswith("full: it has no room under its maxmemory")
    finally:
        hosts.redis.make_room()


def test_a_worker_that_starts_while_redis_is_away_serves(hosts: Hosts) -> None:
    hosts.a.to_redis.cut()
    worker = hosts.a.server.worker_pid()
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: hosts.a.server.worker_pids() and hosts.a.server.worker_pid() != worker, 20)
    asks(hosts.a, hosts)
    both_hear(hosts, 2, lambda: None)
    hosts.a.mend()
    eventually(hosts.a.is_well, 20)
    check_at_once(hosts)
