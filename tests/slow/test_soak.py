"""Five hundred callers, who leave, dawdle and come back: afterwards the server is as it was before."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import requests
from support.load_generator import Crowd, Plan, Relay, Wave
from support.wires import STREAMS

from app.providers.transport.connections import MOST_IDLE
from app.store.database import READERS
from app.testing.caller import Caller
from app.testing.server import Server, allow_open_files
from app.testing.sockets import body_of
from app.testing.wire_client import CREDENTIAL_KINDS

pytestmark = pytest.mark.alone(tries=1)

CALLERS = 500
# Callers, seconds in which they begin, pace. The answers of the many take ten seconds at the most. The few in a hurry
# show what an answer leaves in a memory that no crowd stretches.
WAVES = [(CALLERS, 6, 0.6), (CALLERS, 6, 0.6), *[(20, 3, 0.01)] * 3]

CONFIG = """
[models.local]
provider = "openai"
base_url = "{url}/v1"
model = "m-1"

[agents.open]
model = "local"

[limits]
workers = "100000/minute"
widget = "100000/minute"
agents = "100000/minute"
chats = "100000/minute"
openai = "100000/minute"
messages = "100000/minute"
responses = "100000/minute"

[server]
sign_up = true
heartbeat_seconds = 2
streams_per_caller = 1000
streams_per_key = 1000
"""


class Soak:
    """The waves of callers, and looks at the server: before them, and after each."""

    def __init__(self, server: Server, crowd: Crowd) -> None:
        self.server, self.crowd = server, crowd
        self.waves: list[Wave] = []
        self.most: list[int] = []  # streams at once, in each wave
        self.streams: list[tuple[int, int]] = []  # at each look: those of the server and those of the model server
        self.idle: list[int] = []  # connections to the model server
        self.held: list[tuple[int, int]] = []  # the worker's descriptors besides, and its threads
        self.memory: list[int] = []  # in KiB

    def run(self) -> None:
        relay = Relay(self.server.port, {kind: self.server.key(kind) for kind in CREDENTIAL_KINDS})
        for wire in STREAMS:  # what the server opens once and for all, it has opened by then
            assert Caller(wire, self.server, relay.keys[wire.key_kind]).ask(Plan(0, 1, 0).question).ok
        self._look()
        for seed, (callers, seconds, pace) in enumerate(WAVES):
            coming = self.crowd.wave(relay, callers, seconds, pace, seed)
            most = 0
            while not coming.done():
                most = max(most, self._streams()[0])
                time.sleep(0.5)
            self.waves.append(coming.result())
            self.most.append(most)
            self._look()

    def _look(self) -> None:
        """The last callers' ends may still be on their way."""
        self.streams.append(_at_last(self._streams, lambda streams: streams == (0, 0)))
        time.sleep(0.5)
        self.held.append(_at_last(self._held, lambda held: not self.held or no_more(held, self.held[0])))
        self.idle.append(self.crowd.model.connections)
        status = (self._process / "status").read_text()
        self.memory.append(int(status.partition("VmRSS:")[2].split()[0]))

    def _streams(self) -> tuple[int, int]:
        ready = requests.get(f"{self.server.url}/ready", timeout=30).json()
        return ready["checks"]["streams"], self.crowd.model.streams

    def _held(self) -> tuple[int, int]:
        opened, threads = (len(list((self._process / name).iterdir())) for name in ("fd", "task"))
        return opened - self.crowd.model.connections, threads

    @property
    def _process(self) -> Path:
        return Path(f"/proc/{self.server.worker_pid()}")


def no_more(now: tuple[int, int], before: tuple[int, int]) -> bool:
    """The database's further readers may have begun since then: each a thread, and SQLite's three files."""
    begun = (3 * (READERS - 1), READERS - 1)
    return all(one <= other + more for one, other, more in zip(now, before, begun, strict=True))


def _at_last(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What is seen as soon as it is what is wanted, or after ten seconds."""
    deadline = time.monotonic() + 10
    while not wanted(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen


@pytest.fixture(scope="module")
def soak(tmp_path_factory) -> Iterator[Soak]:
    home = tmp_path_factory.mktemp("soak")
    with allow_open_files(4096), Crowd() as crowd, Server(home, config=CONFIG.format(url=crowd.url)) as server:
        soak = Soak(server, crowd)
        soak.run()
        yield soak


def test_every_answer_that_was_read_to_its_end_is_whole(soak) -> None:
    answers = [answer for wave in soak.waves for answer in wave.whole]
    assert len(answers) > CALLERS
    for wire, plan, data in answers:
        answer = wire.decode(body_of(data))
        assert (answer.ended, answer.error, answer.tokens) == (True, None, plan.texts)


def test_callers_who_left_in_mid_stream_had_been_answered_until_then(soak) -> None:
    assert sum(wave.left for wave in soak.waves) > CALLERS / 2
    assert [answer for wave in soak.waves for answer in wave.broken] == []


def test_many_were_answered_at_once_and_nothing_runs_for_those_who_left(soak) -> None:
    assert min(soak.most[:2]) > CALLERS / 4
    assert soak.streams == [(0, 0)] * (1 + len(WAVES))


def test_every_question_that_was_accepted_has_an_answer(soak) -> None:
    statuses = soak.server.rows("SELECT DISTINCT status FROM messages WHERE role = 'assistant'")
    assert {row["status"] for row in statuses} == {"complete", "interrupted"}
    unanswered = """
        SELECT id FROM messages question WHERE role = 'user' AND 1 != (
            SELECT count(*) FROM messages WHERE role = 'assistant'
            AND conversation_id = question.conversation_id AND sequence = question.sequence + 1
        )"""
    assert soak.server.rows(unanswered) == []
    complete = soak.server.rows("SELECT count(*) FROM messages WHERE role = 'assistant' AND status = 'complete'")[0][0]
    assert complete >= sum(len(wave.whole) for wave in soak.waves)


def test_the_server_holds_no_more_descriptors_and_threads_than_before(soak) -> None:
    before, *after = soak.held
    assert all(no_more(now, before) for now in after), soak.held


def test_few_connections_to_the_model_stay_open(soak) -> None:
    assert 0 < max(soak.idle) <= MOST_IDLE


def test_a_second_crowd_needs_hardly_more_memory_than_the_first(soak) -> None:
    """The allocator grows by steps of up to 20,000 KiB, with the first crowd, the second or the third, and not in every
    run. Whether answers leave anything is what the next test asks."""
    first, second = soak.memory[1:3]
    assert second - first < 24_000, f"{soak.memory} KiB"


def test_an_answer_leaves_nothing_in_the_memory(soak) -> None:
    """If each left a greenlet, that would be 4 KiB; the allocator's moods are smaller, or do not last."""
    left = []
    for wave, (before, after) in zip(soak.waves[2:], pairwise(soak.memory[2:]), strict=True):
        left.append((after - before - 300) / (len(wave.whole) + wave.left))
    assert median(left) < 3, f"{soak.memory} KiB, {left} for an answer"


def test_the_log_tells_of_nothing_unusual(soak) -> None:
    assert "Traceback" not in soak.server.log_text()
    assert {line["level"] for line in soak.server.log()} == {"INFO"}
