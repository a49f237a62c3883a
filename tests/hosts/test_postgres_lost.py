"""PostgreSQL is slow, gone, frozen, restarted or read-only under the streams of two hosts."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest
import requests
from support.hosts import WORKERS, Hosts, heard, listening, spoken_in, stopped
from support.proxy import delay
from support.wires import WidgetStream

from app.testing.asked import Asked, last, numbered, spoken
from app.testing.caller import Caller
from app.testing.guarantees import credits_of
from app.testing.postgres import read_only
from app.testing.server import eventually, new_session_id, script
from app.testing.wire_client import STORE_UNAVAILABLE

pytestmark = pytest.mark.timed

DEAD, TAKEN_FOR_DEAD = "is dead", "was taken for dead"
DONE = b'"type":"done"'


class Answers:
    """Some that run, one to each host and each number of seconds; the longest of a's is listened to at b."""

    def __init__(self, hosts: Hosts, stack: ExitStack, *seconds: float) -> None:
        self.hosts, self.pool = hosts, stack.enter_context(ThreadPoolExecutor(16))
        self.known = [host.log_length() for host in (hosts.a, hosts.b)]
        self.workers = {row["id"] for row in hosts.a.server.rows(WORKERS)}
        self.begun = time.monotonic()
        self.asked: dict[tuple[str, float], tuple[Asked, str]] = {}
        for at in "ab":
            for each in seconds:
                cues, text = spoken_in(each, begin=f"so far {new_session_id()} ")
                asked = stack.enter_context(Asked(hosts.caller(WidgetStream(), at), script(*cues)))
                self.asked[at, each] = asked, text
        self.listener = self.pool.submit(heard, listening(self.asked["a", max(seconds)][0]))
        self.rests = {which: self.pool.submit(asked.rest, 30) for which, (asked, _) in self.asked.items()}

    def told(self, at: str, seconds: float) -> tuple[bool, bytes]:
        """Whether the caller has heard all of it, and the end that was told."""
        rest = numbered(self.rests[at, seconds].result())
        return spoken(rest) == self.asked[at, seconds][1], last(rest)

    def stored(self, at: str, seconds: float) -> tuple[str, str]:
        asked, text = self.asked[at, seconds]
        (answer,) = eventually(lambda: asked.caller.stored(asked.text)[1:], 20)
        assert credits_of(asked.caller, asked.text) == 1
        return answer["status"], "as it was told" if answer["text"] == text else answer["text"]

    def check_nobody_was_buried(self) -> None:
        for host, known in zip((self.hosts.a, self.hosts.b), self.known, strict=True):
            assert host.told(DEAD, known) == host.told(TAKEN_FOR_DEAD, known) == 0
            for words in ("running answers are not saved", "what other workers' callers want is not known"):
                assert host.told(words, known) <= 1, "one line for a fault"
            assert host.told("the database can", known) <= 4
        assert {row["id"] for row in self.hosts.a.server.rows(WORKERS)} == self.workers


def refused(caller: Caller, within: float) -> None:
    begun = time.monotonic()
    response = caller.ask(script({"text": "never"}))
    assert time.monotonic() - begun < within
    caller.wire.check_store_error(response)


def test_a_restart_of_postgres_is_noticed_by_no_answer_that_has_begun(hosts: Hosts) -> None:
    with ExitStack() as stack:
        answers = Answers(hosts, stack, 1.5, 3, 8)
        hosts.postgres.stop(at_once=False)
        try:
            for host in (hosts.a, hosts.b):
                eventually(lambda host=host: host.ready()[1]["database"] == "cannot be reached", 3)
                assert host.ready()[0] == 503
                assert requests.get(f"{host.server.url}/health", timeout=5).status_code == 200
            refused(answers.asked["b", 8][0].caller, 5)
            time.sleep(3)
        finally:
            hosts.postgres.start()
        for which in answers.rests:
            whole, end = answers.told(*which)
            assert whole
            assert DONE in end
            assert answers.stored(*which) == ("complete", "as it was told")
        told, longest = answers.listener.result()
        assert (spoken(numbered(told)), longest < 2) == (answers.asked["a", 8][1], True)
    answers.check_nobody_was_buried()


def test_one_that_stands_still_makes_nobody_dead_and_what_ends_meanwhile_is_not_told_to_be_stored(hosts: Hosts) -> None:
    with ExitStack() as stack:
        answers = Answers(hosts, stack, 1.5, 21)
        with stopped(hosts.postgres.pids()):
            begun = time.monotonic()
            for host in (hosts.a, hosts.b):
                eventually(lambda host=host: host.ready()[0] == 503, 6)
            assert time.monotonic() - begun < 8
            refused(hosts_caller := answers.asked["b", 21][0].caller, 14)
            for at in "ab":
                whole, end = answers.told(at, 1.5)
                assert whole
                assert STORE_UNAVAILABLE.encode() in end
            assert time.monotonic() - answers.begun < 20
            time.sleep(max(0.0, 18 - (time.monotonic() - begun)))
        for at in "ab":
            assert answers.stored(at, 1.5) == ("complete", "as it was told")
            whole, end = answers.told(at, 21)
            assert whole
            assert DONE in end
        told, longest = answers.listener.result()
        assert (spoken(numbered(told)), longest < 2) == (answers.asked["a", 21][1], True)
    answers.check_nobody_was_buried()
    assert hosts_caller.ask(script({"text": "next"})).status_code == 200


def test_while_it_can_only_be_read_what_is_there_is_shown_and_what_runs_goes_on(hosts: Hosts) -> None:
    with ExitStack() as stack:
        answers = Answers(hosts, stack, 2, 9)
        with read_only(hosts.postgres.url(hosts.a.server.database_url.rpartition("/")[2])):
            for host in (hosts.a, hosts.b):
                eventually(lambda host=host: host.ready()[1]["database"] == "read-only", 3)
            refused(answers.asked["b", 9][0].caller, 2)
            for at in "ab":
                whole, end = answers.told(at, 2)
                assert whole
                assert STORE_UNAVAILABLE.encode() in end
            time.sleep(3)
        for at in "ab":
            assert answers.stored(at, 2) == ("complete", "as it was told")
            assert answers.told(at, 9)[0]
            assert answers.stored(at, 9) == ("complete", "as it was told")
        assert spoken(numbered(answers.listener.result()[0])) == answers.asked["a", 9][1]
    answers.check_nobody_was_buried()


def test_a_slow_one_delays_what_is_stored_and_no_word(hosts: Hosts) -> None:
    hosts.a.to_postgres.answer = delay(0.3)
    with ExitStack() as stack:
        answers = Answers(hosts, stack, 3)
        whole, end = answers.told("a", 3)
        assert time.monotonic() - answers.begun < 3 + 9, "with some connecting, which takes six answers"
        assert whole
        assert DONE in end
        assert spoken(numbered(answers.listener.result()[0])) == answers.asked["a", 3][1]
    answers.check_nobody_was_buried()


def test_a_question_that_is_stored_after_it_was_refused_keeps_its_conversation_for_no_longer_than_seconds(
    hosts: Hosts,
) -> None:
    """Its commit is on its way in a connection that has ended for the server, which has given it up meanwhile."""
    caller = hosts.caller(WidgetStream())
    caller.back = None
    way, sent, delivered, name = hosts.a.to_postgres, Event(), Event(), new_session_id()
    body = caller.body(script({"text": name}))

    def late(piece: bytes, server: object) -> None:
        if name.encode() in piece:
            sent.set()
            delivered.wait()
        server.sendall(piece)  # type: ignore[attr-defined]

    way.ask = late
    with ThreadPoolExecutor() as pool:
        asking = pool.submit(caller.post, body)
        sent.wait(10)
        way.desert()
        caller.wire.check_store_error(asking.result())
    running = "SELECT id FROM messages WHERE status = 'running'"
    time.sleep(1)
    assert hosts.a.server.rows(running) == []
    delivered.set()
    eventually(lambda: hosts.a.server.rows(running), 5)
    eventually(lambda: not hosts.a.server.rows(running), 10)
    assert caller.post({**body, "message": script({"text": "next"})}).status_code == 200
