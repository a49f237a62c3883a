"""gunicorn's master: signals that would make a second worker, reloads, and a second server with the same database."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests
from support.agents import Client, configured, refused

from app.testing.server import GUNICORN, ROOT, Server, eventually, script
from app.testing.sockets import read_all, read_until

WORKFLOW = """
id: 5f0c3a4e-8c1b-4d5e-9a53-1f6f6a0f2b11
name: Slow
steps:
  - id: work
    prompt: '[{"text": "so far "}, {"pause": 8}, {"text": "and on"}]'
"""
TABLES = """
[agents.slow]
model = "scripted"
workflow = "Slow"

[workflows]
files = ["slow.yaml"]
"""
BROKEN = "[models"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("master")
    (home / "slow.yaml").write_text(WORKFLOW)
    with Server(home, config=configured(TABLES), changes={"shutdown_seconds = 2": "shutdown_seconds = 30"}) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def second(server, tmp_path_factory) -> Iterator[subprocess.Popen[str]]:
    """Another server, with a home of its own, that is started with the same database under another name, and waits in
    vain for the first one's end meanwhile."""
    home = tmp_path_factory.mktemp("second")
    (home / "other.db").symlink_to(server.database)
    env = {**server.env, "PARLANCE_HOME": str(home), "DATABASE_URL": f"sqlite:///{home / 'other.db'}"}
    command = [*GUNICORN, "-b", "127.0.0.1:0"]
    piped = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=piped, stderr=piped, text=True) as process:
        yield process
        process.kill()


def reload(server: Server) -> int:
    """SIGHUP; the new worker's pid, once it serves."""
    before = set(server.worker_pids())
    os.kill(server.master_pid(), signal.SIGHUP)
    (new,) = eventually(lambda: set(server.worker_pids()) - before, 10)
    eventually(lambda: serves(server), 20)
    return new


def chat(client: Client, **body: str) -> requests.Response:
    """Of the worker that takes new questions: the one that ends still accepts connections for a second."""
    return eventually(lambda: [each for each in [client.chat(body)] if each.status_code != 503], 15)[0]


def serves(server: Server) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{server.url}/ready", timeout=5).status_code == 200
    return False


@pytest.mark.parametrize("number", [signal.SIGTTIN, signal.SIGTTOU])
def test_a_signal_that_would_change_the_number_of_workers_is_refused(server, number) -> None:
    before, told = server.worker_pids(), server.log_text().count("signal refused")
    os.kill(server.master_pid(), number)
    eventually(lambda: server.log_text().count("signal refused") > told)
    time.sleep(0.3)
    assert server.worker_pids() == before
    assert serves(server)


def test_a_reload_whose_configuration_is_wrong_changes_nothing(server) -> None:
    written, before = (server.home / "parlance.toml").read_text(), server.worker_pids()
    (server.home / "parlance.toml").write_text(BROKEN)
    os.kill(server.master_pid(), signal.SIGHUP)
    eventually(lambda: "not reloaded" in server.log_text())
    assert server.worker_pids() == before
    assert serves(server)
    (server.home / "parlance.toml").write_text(written)


def test_a_reload_leaves_running_answers_their_claims_holds_and_runs(server) -> None:
    """The new worker serves while the old one still answers."""
    client, slow = Client.new(server, budget=2), Client.new(server, "slow")
    running = script({"text": "so far "}, {"pause": 8}, {"text": "and on"})
    with client.open(running) as answer, slow.open("x") as run:
        read_until(answer, b'"so far "')
        read_until(run, b'"so far "')
        (conversation,) = client.get("/conversations")["data"]
        reload(server)
        assert [row["status"] for row in server.rows("SELECT status FROM runs")] == ["running"]
        assert server.rows("SELECT sum(held) FROM messages WHERE status = 'running'")[0][0] == 1
        busy = chat(client, message="x", conversationId=conversation["id"])
        assert refused(busy) == (409, "CHAT_CONVERSATION_BUSY")
        assert chat(client, message="y").status_code == 200
        assert chat(client, message="z").status_code == 402, "one is spent, one is held by the worker that ends"
        for connection in (answer, run):
            assert b"and on" in read_all(connection, 20)
    assert {row["status"] for row in server.rows("SELECT status FROM messages")} == {"complete"}
    assert [row["status"] for row in server.rows("SELECT status FROM runs")] == ["complete"]
    assert server.rows("SELECT spent FROM keys WHERE credits = 2")[0]["spent"] == 2


def test_what_a_worker_leaves_that_is_killed_while_it_ends_is_buried_by_the_next_one(server) -> None:
    client = Client.new(server, budget=1)
    with client.open(script({"text": "so far"}, {"pause": 60})) as answer:
        read_until(answer, b'"so far"')
        old = server.worker_pid()
        reload(server)
        assert chat(client, message="x").status_code == 402
        os.kill(old, signal.SIGKILL)
        eventually(lambda: chat(client, message="x").status_code == 200, 30)
    assert not server.rows("SELECT * FROM messages WHERE status = 'running'")
    folder = "workers" if server.database_url else "parlance.db.workers"
    assert len(list((server.home / "instance" / folder).iterdir())) == 1


def test_a_second_server_with_the_same_database_is_refused_and_buries_nothing(server, second) -> None:
    out, err = second.communicate(timeout=20)
    assert second.returncode == 2, out
    assert f"Another server runs with the database {server.database.resolve()}, which has one at a time" in err
    assert "Traceback" not in out + err


def test_a_server_whose_predecessors_master_was_killed_waits_for_its_worker_and_buries_it(server) -> None:
    client = Client.new(server, budget=1)
    with client.open(script({"text": "so far"}, {"pause": 60})) as answer:
        read_until(answer, b'"so far"')
        server._end(signal.SIGKILL)
        server.start()
        read_all(answer)
    eventually(server.worker_pids, 15)
    eventually(lambda: serves(server) and not server.rows("SELECT * FROM messages WHERE status = 'running'"), 15)
    assert chat(client, message="x").status_code == 200
