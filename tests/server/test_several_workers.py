"""Several workers of one server: whose the conversations are, what becomes of a dead one's, and how many there are."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from support.agents import Client, configured

from app.testing.server import Server, eventually, script
from app.testing.sockets import read_all, read_until

SLOW = script({"text": "so far "}, {"pause": 60})
PATIENT = {"shutdown_seconds = 2": "shutdown_seconds = 30"}
RUNNING = "SELECT worker, conversation_id FROM messages WHERE status = 'running'"


@pytest.fixture(scope="module")
def server(running_redis, tmp_path_factory) -> Iterator[Server]:
    env = {"WEB_CONCURRENCY": "2", "REDIS_URL": running_redis.url}
    with Server(tmp_path_factory.mktemp("several"), config=configured(""), changes=PATIENT, env=env) as running:
        eventually(lambda: len(serving(running)) == 2, 20)
        yield running


def files_of(pid: int) -> set[str]:
    """The names of what the process has open."""
    found: set[str] = set()
    with suppress(FileNotFoundError):  # it has ended
        for each in sorted(Path(f"/proc/{pid}/fd").iterdir()):
            with suppress(FileNotFoundError):  # it is closed
                found.add(each.readlink().name)
    return found


def serving(server: Server) -> dict[str, int]:
    """The workers that live, by their ids, with their processes."""
    folder = Path(f"{server.database}.workers")
    names = {each.name for each in folder.iterdir()} if folder.exists() else set()
    return {name: pid for pid in server.worker_pids() for name in names & files_of(pid)}


def ask_many(client: Client, **body: str) -> set[int]:
    """The statuses of sixteen at once, which reach both workers."""
    with ThreadPoolExecutor(16) as pool:
        return {each.status_code for each in pool.map(lambda _: client.chat({**body, "message": "hi"}), range(16))}


def test_a_conversation_has_one_answer_and_a_budget_is_one_whichever_worker_is_asked(server) -> None:
    client = Client.new(server, budget=1)
    with client.open(SLOW) as answer:
        read_until(answer, b'"so far "')
        (conversation,) = (each["id"] for each in client.get("/conversations")["data"])
        assert ask_many(client, conversationId=conversation) == {409}
        assert ask_many(client) == {402}
    eventually(lambda: not server.rows(RUNNING))


@pytest.mark.timed
def test_a_killed_workers_answer_is_ended_within_a_second_and_by_nobody_else(server) -> None:
    client = Client.new(server, budget=2)
    with client.open(SLOW) as answer, client.open(SLOW) as other:
        for each in (answer, other):
            read_until(each, b'"so far "')
        left = {row["worker"] for row in server.rows(RUNNING)}
        dead = left.pop()
        began = time.monotonic()
        os.kill(serving(server)[dead], signal.SIGKILL)
        eventually(lambda: dead not in {row["worker"] for row in server.rows(RUNNING)}, 10)
        seconds = time.monotonic() - began
        assert left <= {row["worker"] for row in server.rows(RUNNING)}
    assert seconds < 1, seconds
    eventually(lambda: len(serving(server)) == 2 and not server.rows(RUNNING), 10)
    assert dead not in serving(server)


def test_signals_change_the_number_of_workers_and_none_of_their_answers_is_cut(server) -> None:
    client = Client.new(server)
    with client.open(script({"text": "so far "}, {"pause": 6}, {"text": "and on"})) as answer:
        read_until(answer, b'"so far "')
        os.kill(server.master_pid(), signal.SIGTTIN)
        eventually(lambda: len(serving(server)) == 3, 10)
        os.kill(server.master_pid(), signal.SIGTTOU)
        before = set(serving(server))
        os.kill(server.master_pid(), signal.SIGHUP)
        assert b"and on" in read_all(answer, 20)
    eventually(lambda: len(serving(server)) == 2 and not before & set(serving(server)), 20)
    assert ask_many(client) == {200}
