"""With Redis a word to another worker is heard at once."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.two_servers import second_server
from support.wires import WidgetStream

from app.testing.asked import Asked, last, numbered, spoken
from app.testing.caller import Caller
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.wire_client import STOPPED

LONG = ({"text": "so far"}, {"pause": 60})


@pytest.fixture(scope="module")
def callers(running_redis, tmp_path_factory) -> Iterator[tuple[Caller, Caller]]:
    """The same one at two workers that hear each other."""
    with (
        Server(tmp_path_factory.mktemp("first"), env={"REDIS_URL": running_redis.url}) as first,
        second_server(first, tmp_path_factory.mktemp("second")) as second,
    ):
        key = first.key("widget")
        eventually(lambda: len(running_redis.client.pubsub_channels("parlance:*:worker:*")) == 2)
        yield Caller(WidgetStream(), first, key), Caller(WidgetStream(), second, key)


def asked_at(here: Caller) -> Asked:
    """In a conversation of its own."""
    return Asked(Caller(here.wire, here.server, here.key), script(*LONG, {"text": new_session_id()}))


def stopped_elsewhere(here: Caller, there: Caller) -> float:
    """How many seconds it took."""
    with asked_at(here) as asked:
        asked.caller = there
        begun = time.monotonic()
        assert asked.stop().status_code == 200
        took = time.monotonic() - begun
        assert asked.status() == "interrupted"
        assert STOPPED.encode() in last(numbered(asked.rest()))
    return took


@pytest.mark.timed
def test_a_stop_takes_a_quarter_of_a_second_at_most(callers, record_property) -> None:
    took = sorted(stopped_elsewhere(*callers) for _ in range(100))
    record_property("told", f"stop from another worker: median {took[49] * 1000:.0f} ms, p99 {took[98] * 1000:.0f} ms")
    assert took[98] < 0.25


@pytest.mark.timed
def test_who_listens_hears_the_end_at_once(callers) -> None:
    here, there = callers
    took = []
    for _ in range(20):
        with asked_at(here) as asked:
            asked.caller = there
            listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
            time.sleep(0.2)
            asked.caller = here
            asked.stop()
            ended = time.monotonic()
            told = numbered(listener.content)
            took.append(time.monotonic() - ended)
            assert spoken(told) == "so far"
            assert STOPPED.encode() in last(told)
    assert sorted(took)[18] < 0.25


WORDS = [f"word{number} " for number in range(60)]
SPOKEN = script(
    {"text": "so far "}, {"pause": 1}, *(step for word in WORDS for step in ({"text": word}, {"pause": 0.05}))
)


def told_with_times(response: requests.Response) -> tuple[bytes, dict[str, float]]:
    """The body, and when each word of it had come."""
    body, times = b"", dict[str, float]()
    for piece in response.iter_content(None):
        body += piece
        times |= {word: time.monotonic() for word in WORDS if word not in times and word.encode() in body}
    return body, times


def both_hear(here: Caller, there: Caller, meanwhile: Callable[[], None]) -> list[float]:
    """How much later each word of an answer has come to who listens at another worker than to who listens at its own.
    Both hear the same."""
    with Asked(Caller(here.wire, here.server, here.key), SPOKEN) as asked, ThreadPoolExecutor() as pool:
        listeners = []
        for caller in (here, there):
            asked.caller = Caller(caller.wire, caller.server, caller.key)
            listeners.append(pool.submit(told_with_times, asked.read_on(f"{asked.answer_id}.0", stream=True)))
        meanwhile()
        (near, at_once), (far, later) = (each.result() for each in listeners)
    assert spoken(numbered(near)) == spoken(numbered(far)) == "".join(["so far ", *WORDS])
    assert last(numbered(near)) == last(numbered(far))
    return sorted(later[word] - at_once[word] for word in WORDS)


@pytest.mark.timed
def test_who_listens_hears_each_word_at_once(callers, record_property) -> None:
    late = both_hear(*callers, lambda: None)
    record_property("told", f"a word to another worker: median {late[30] * 1000:.0f} ms, p90 {late[54] * 1000:.0f} ms")
    assert late[54] < 0.25


def test_when_redis_begins_anew_meanwhile_nothing_is_lost_and_the_rest_comes_by_the_row(running_redis, callers) -> None:
    def restart() -> None:
        time.sleep(1.5)
        running_redis.stop()
        running_redis.start()

    both_hear(*callers, restart)


def test_while_redis_is_away_the_rows_are_looked_at(running_redis, callers) -> None:
    running_redis.stop()
    try:
        assert stopped_elsewhere(*callers) < 2
        with asked_at(callers[0]) as asked:
            asked.caller = callers[1]
            listener = asked.read_on(f"{asked.answer_id}.0", stream=True)
            asked.stop()
            assert spoken(numbered(listener.content)) == "so far"
    finally:
        running_redis.start()
