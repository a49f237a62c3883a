"""Answers that end while another process has locked the database: busy until they are stored, freed by a kill."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from support.agents import Client, configured, refused

from app.testing.server import Server, eventually, script
from app.testing.sockets import read_all, read_until

WORKFLOW = """
id: 3b9d5b0e-7f1c-4c66-9a0e-2f6f1d8f4a26
name: Three
steps:
  - {id: a, prompt: '[{"text": "one"}, {"pause": 0.5}]'}
  - {id: b, prompt: '[{"text": "two"}]', dependsOn: [a]}
  - {id: c, prompt: '[{"text": "said"}, {"pause": 1}]', dependsOn: [b]}
"""
TABLES = """
[agents.three]
model = "scripted"
workflow = "Three"

[workflows]
files = ["FOLDER/three.yaml"]
"""
RUNS = "SELECT status, error FROM runs"
STEPS = "SELECT step_id, status FROM run_steps ORDER BY number"
STATES = "SELECT status, held, CAST(parts AS text) FROM messages WHERE role = 'assistant'"


@pytest.fixture
def server(start) -> Server:
    return start(config=configured(""))


@pytest.fixture
def client(server) -> Client:
    return Client.new(server, budget=1)


@contextmanager
def unstored(client: Client) -> Iterator[Callable[[], None]]:
    """An answer that is said whole, and told to have failed, for the database is locked. Yields what ends the lock."""
    server = client.server
    with ExitStack() as lock:
        with client.open(script({"text": "said"}, {"pause": 0.5})) as answer:
            read_until(answer, b'"said"')
            assert states(server) == [("running", 1, None)]
            lock.enter_context(locked(server))
            rest = read_all(answer, 20)
        assert b'"type":"error"' in rest
        assert b'"type":"finish"' not in rest
        yield lock.close


@contextmanager
def locked(server: Server) -> Iterator[None]:
    """Somebody else writes, and lets nobody else: of PostgreSQL's tables, those to which answers and runs go."""
    with server._connected("rw") as other:
        if server.database_url:
            other.execute("LOCK TABLE conversations, messages, runs, run_steps IN EXCLUSIVE MODE")
        else:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


def rows(server: Server, query: str) -> list[tuple]:
    return [tuple(row) for row in server.rows(query)]


def states(server: Server) -> list[tuple]:
    """Of answers: the status, what is held, and the first text."""
    return [
        (status, held, next((part["text"] for part in json.loads(parts) if "text" in part), None))
        for status, held, parts in rows(server, STATES)
    ]


def test_the_conversation_is_busy_until_the_answer_is_stored(server, client) -> None:
    with unstored(client) as unlock:
        assert states(server) == [("running", 1, None)]
        (conversation,) = client.get("/conversations")["data"]
        assert len(client.messages(conversation["id"])) == 1, "the question alone"
        unlock()
        again = client.chat({"message": "x", "conversationId": conversation["id"]})
        assert again.status_code in (409, 402), "busy, or stored by now and paid for"
        eventually(lambda: states(server) == [("complete", 0, "said")], 10)
    assert client.messages(conversation["id"])[-1]["parts"][0]["text"] == "said"
    assert refused(client.chat({"message": "x"})) == (402, "CHAT_CREDITS_EXHAUSTED")
    assert server.rows("SELECT spent FROM keys")[0][0] == 1


def test_a_server_that_stops_stores_what_waits(server, client) -> None:
    with unstored(client) as unlock:
        os.kill(server.master_pid(), signal.SIGTERM)
        time.sleep(0.2)
        unlock()
        server.stop()
    assert states(server) == [("complete", 0, "said")]


def test_a_killed_worker_frees_what_it_could_not_store(server, client) -> None:
    with unstored(client) as unlock:
        os.kill(server.worker_pid(), signal.SIGKILL)
        time.sleep(3)  # the next worker comes to a database that is locked, and serves all the same
        assert states(server) == [("running", 1, None)]
        unlock()
        eventually(lambda: states(server) == [("interrupted", 0, None)], 20)
    assert client.chat({"message": "x"}).status_code == 200


@pytest.fixture
def planned(start, tmp_path) -> Client:
    """A caller whose answers a workflow of three steps makes."""
    (tmp_path / "three.yaml").write_text(WORKFLOW)
    return Client.new(start(config=configured(TABLES.replace("FOLDER", str(tmp_path)))), "three")


@pytest.mark.parametrize("said", [b'"type":"start"', b'"said"'], ids=["from the start", "at the last step"])
def test_a_workflows_answer_and_its_record_are_stored_late_as_they_were(planned, said) -> None:
    """The database is locked for a part of the run, and until the caller has been told."""
    server = planned.server
    with ExitStack() as lock, planned.open("x") as answer:
        read_until(answer, said)
        lock.enter_context(locked(server))
        began = time.monotonic()
        rest = read_all(answer, 20)
        took = time.monotonic() - began
        assert b'"type":"error"' in rest
        assert 4 < took < 9, "one deadline, after the second and a half that the model pauses"
        assert rows(server, RUNS) == [("running", None)]
    eventually(lambda: states(server) == [("complete", 0, "said")], 10)
    eventually(lambda: rows(server, RUNS) == [("complete", None)], 10)
    assert rows(server, STEPS) == [("a", "complete"), ("b", "complete"), ("c", "complete")]


def test_a_server_that_stops_stores_the_end_of_a_run_that_waits(planned) -> None:
    server = planned.server
    with ExitStack() as lock, planned.open("x") as answer:
        read_until(answer, b'"said"')
        lock.enter_context(locked(server))
        assert b'"type":"error"' in read_all(answer, 20)
        os.kill(server.master_pid(), signal.SIGTERM)
        time.sleep(0.2)
    server.stop()
    assert (states(server), rows(server, RUNS)) == ([("complete", 0, "said")], [("complete", None)])
    assert rows(server, STEPS) == [("a", "complete"), ("b", "complete"), ("c", "complete")]
