"""A host that is cut off, killed, stopped for a while or too long, or whose clock is set: what its callers see, and
those of the other one."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.clocks import ahead, needed
from support.hosts import WORKERS, Hosts, heard, listening, spoken_in
from support.wires import WidgetStream, Workers

from app.testing.asked import Asked, last, numbered, spoken
from app.testing.caller import Caller
from app.testing.repeating_suite import REPLAYED, Repeated
from app.testing.server import eventually, new_session_id, script
from app.testing.sockets import body_of, read_all, read_until
from app.testing.wire_client import BROKEN_OFF

pytestmark = pytest.mark.timed

STATES = "SELECT status FROM messages WHERE role = 'assistant' ORDER BY created_at DESC"
LOST = b"The answer was lost"
LEASE_SECONDS, KNOWN_SECONDS = 15, 6  # until a host is buried, and until another one knows of it


@pytest.mark.parametrize("from_redis_too", [False, True], ids=["the database", "the database and Redis"])
def test_a_host_that_is_cut_off_loses_its_answers_to_others_and_goes_on_when_it_is_back(hosts, from_redis_too) -> None:
    a, b = hosts.a, hosts.b
    cues, text = spoken_in(40)
    with Asked(hosts.caller(WidgetStream()), script(*cues)) as asked, ThreadPoolExecutor() as pool:
        listener = pool.submit(heard, listening(asked))
        time.sleep(KNOWN_SECONDS)
        began = time.monotonic()
        a.to_postgres.hold()
        if from_redis_too:
            a.to_redis.hold()
        refused = pool.submit(Caller(WidgetStream(), a.server, asked.caller.key).ask, script({"text": "never"}))
        eventually(lambda: asked.status() == "interrupted", LEASE_SECONDS)
        again = asked.caller.post({**asked.body, "message": script({"text": "next"})})
        assert again.status_code == 200, "its conversation is free at the other host"
        if from_redis_too:
            told = numbered(listener.result()[0])
            assert time.monotonic() - began < LEASE_SECONDS + 1
            assert text.startswith(spoken(told))
            assert BROKEN_OFF.encode() in last(told)
        asked.caller.wire.check_store_error(refused.result())
        before = len(asked.got)
        asked.got += read_until(asked.connection, b"w")
        assert len(asked.got) > before, "its own caller hears on"
        a.mend()
        mended = time.monotonic()
        rest = numbered(asked.rest())
        assert time.monotonic() - mended < 15
        assert LOST in last(rest)
        assert text.startswith(spoken(rest))
        if not from_redis_too:
            assert LOST in last(numbered(listener.result()[0]))
    eventually(a.is_well, 20)
    here = Caller(WidgetStream(), a.server, asked.caller.key)
    assert here.ask(script({"text": "next"})).status_code == 200
    eventually(lambda: len(b.server.rows(WORKERS)) == 2, 10)


def test_a_host_that_stands_still_for_five_seconds_loses_nothing(hosts: Hosts) -> None:
    workers = hosts.b.server.rows(WORKERS)
    cues, text = spoken_in(3)
    with Asked(hosts.caller(WidgetStream()), script(*cues)) as asked, ThreadPoolExecutor() as pool:
        listener = pool.submit(heard, listening(asked))
        time.sleep(1)
        with hosts.a.stopped():
            time.sleep(5)
        assert spoken(numbered(asked.rest())) == spoken(numbered(listener.result()[0])) == text
    assert asked.status() == "complete"
    assert sorted(hosts.b.server.rows(WORKERS)) == sorted(workers)


def test_a_host_that_stood_still_beyond_its_lease_has_lost_its_answers_and_goes_on(hosts: Hosts) -> None:
    a, b = hosts.a.server, hosts.b.server
    caller = Caller(Workers(), a, a.key("secret"))
    with caller.open(script({"text": "so "}, {"pause": 90}, {"text": "far"})) as asked:
        begun = read_until(asked, b"so ")
        time.sleep(KNOWN_SECONDS)
        with hosts.a.stopped():
            eventually(lambda: b.rows(STATES)[0]["status"] == "interrupted", 30)
        said = Workers().decode(body_of(begun + read_all(asked)))
    assert LOST.decode() in str(said.error)
    assert caller.ask(script({"text": "next"})).status_code == 200
    assert [row["status"] for row in b.rows(STATES)][:2] == ["complete", "interrupted"]
    eventually(lambda: len(b.rows(WORKERS)) == 2, 10)


def test_who_listens_elsewhere_to_a_host_that_is_lost_is_told_within_fifteen_seconds(hosts: Hosts) -> None:
    a = hosts.a
    with Asked(hosts.caller(Workers()), script({"text": "so far"}, {"pause": 90})) as asked:
        listener = listening(asked)
        time.sleep(KNOWN_SECONDS)
        began = time.monotonic()
        for pid in a.processes():
            os.kill(pid, signal.SIGKILL)
        try:
            told = numbered(listener.content)
        finally:
            a.server.stop()
            a.server.start()
    assert time.monotonic() - began < LEASE_SECONDS + 3, "with its new start"
    assert spoken(told) == "so far"
    assert BROKEN_OFF.encode() in last(told)


def test_a_clock_that_is_set_decides_nothing_between_hosts(hosts: Hosts) -> None:
    clock = needed(hosts.clock)
    workers = hosts.b.server.rows(WORKERS)
    for seconds in (3600, -3600, 0):
        with Asked(hosts.caller(WidgetStream(), "b"), script({"text": "so far"}, {"pause": 3})) as asked:
            listener = listening(asked)
            clock.step(seconds)
            eventually(lambda: abs(ahead(hosts.b.server) - seconds) < 5)  # noqa: B023
            for at in "ab":
                repeated = Repeated(hosts.caller(WidgetStream(), at), script({"text": new_session_id()}))
                first, again = repeated.ask(), repeated.ask()
                assert (first.status_code, again.headers.get(REPLAYED)) == (200, "true")
                assert again.content == first.content
            assert spoken(numbered(listener.content)) == spoken(numbered(asked.rest())) == "so far"
    assert sorted(hosts.b.server.rows(WORKERS)) == sorted(workers)
