"""Hints go from worker to worker at once, and where they do not, nothing waits for them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event, Thread, Timer
from typing import Self

import pytest
from support.proxy import Proxy, halve, lie, pass_on
from support.redis_server import RedisServer

from app.testing.server import eventually

WORKER = """
from gevent import monkey
monkey.patch_all()
import sys
from gevent.fileobject import FileObject
from app.cluster.channel import Channel
from app.cluster.telling import Telling
from app.engine.running_turns import RunningTurns
url, own = sys.argv[1:]
channel = Channel(url, "secret", lambda: own)
Telling(RunningTurns(1, 1, 1), channel).start(lambda worker, answer: print(worker, answer, flush=True), print)
print("starts", flush=True)
for line in FileObject(sys.stdin.buffer, "rb"):
    channel.tell(*line.decode().split())
"""


class Worker:
    def __init__(self, url: str, own: str) -> None:
        command = [sys.executable, "-c", WORKER, url, own]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._process.stdout
        assert self._process.stdin
        self._in, self._out = self._process.stdin, self._process.stdout
        assert self.hears() == "starts"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()

    def tell(self, *hints: str) -> None:
        self._in.write("".join(f"{hint}\n" for hint in hints))

    def hears(self, seconds: float = 20) -> str:
        """The next line; "" where none comes in time, and from then on, for it has ended."""
        late = Timer(seconds, self._process.kill)
        late.start()
        try:
            return self._out.readline().strip()
        finally:
            late.cancel()


@pytest.fixture
def workers(redis) -> Iterator[tuple[Worker, Worker]]:
    with ExitStack() as stack:
        one, other = (stack.enter_context(Worker(redis.url, own)) for own in ("one", "other"))
        subscribe(redis)
        yield one, other


def subscribe(redis: RedisServer) -> None:
    """Until both hear."""
    eventually(lambda: len(redis.client.pubsub_channels("parlance:*:worker:*")) == 2, 40)


def test_a_hint_is_heard_at_once_by_the_worker_that_it_is_for(workers) -> None:
    one, other = workers
    one.tell("other a1")
    assert other.hears() == "one a1"
    other.tell("one a2")
    assert one.hears() == "other a2"
    took = []
    for _ in range(100):
        begun = time.monotonic()
        one.tell("other a3")
        assert other.hears() == "one a3"
        took.append(time.monotonic() - begun)
    assert sorted(took)[98] < 0.25


def test_what_is_told_at_once_goes_in_one_message(redis, workers) -> None:
    one, other = workers
    before = _published(redis)
    one.tell(*(f"other a{number % 50}" for number in range(500)))
    assert {other.hears() for _ in range(50)} == {f"one a{number}" for number in range(50)}
    assert _published(redis) - before <= 10


def _published(redis: RedisServer) -> int:
    return redis.client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"]


def test_what_is_none_is_passed_over(redis, workers) -> None:
    one, other = workers
    (channel,) = redis.client.pubsub_channels("parlance:*:worker:other")
    for text in ("x", "7", "[]", '["one"]', "[1,7]", '{"a":1}'):
        redis.client.publish(channel, text)
    one.tell("other a1")
    assert other.hears() == "one a1"


def test_after_a_restart_of_redis_hints_are_heard_again(redis, workers) -> None:
    one, other = workers
    redis.stop()
    one.tell("other lost")
    time.sleep(0.2)
    redis.start()
    subscribe(redis)
    time.sleep(2.5)  # the longest pause of who tells by now
    assert hears_within(8, one, other)


@pytest.fixture
def far(redis, way) -> Iterator[tuple[Worker, Worker]]:
    """The other one goes another way."""
    with Worker(redis.url, "one") as one, Worker(f"redis://127.0.0.1:{way.port}/0", "other") as other:
        subscribe(redis)
        yield one, other


def hears_within(seconds: float, one: Worker, other: Worker) -> bool:
    """Whether a hint that is told again and again is heard."""
    over = Event()

    def tell() -> None:
        while not over.wait(0.3):
            one.tell("other again")

    telling = Thread(target=tell)
    telling.start()
    found = other.hears(seconds) == "one again"
    over.set()
    telling.join()
    return found


@pytest.mark.timed
def test_a_connection_that_has_become_deaf_is_given_up_within_seconds(way: Proxy, far) -> None:
    """Its other end has gone, and nobody says so: only new connections work."""
    way.hold()
    time.sleep(1.5)
    way.ask = way.answer = pass_on
    assert hears_within(8, *far)


@pytest.mark.timed
@pytest.mark.parametrize("fault", [halve, lie(b":9\r\n"), lie(b"*1\r\n" * 50_000), lie(b"*3\r\n:1\r\n:2\r\n:3\r\n")])
def test_who_was_lied_to_hears_again(way: Proxy, far, fault) -> None:
    way.answer = fault
    time.sleep(2.5)
    way.answer = pass_on
    assert hears_within(8, *far)
