"""`flask reload`, as an operator runs it beside a server."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
import requests
from support.wires import WidgetStream

from app.testing.asked import SAID, WORDS, Asked, cursors, last, numbered, spoken
from app.testing.caller import Caller
from app.testing.server import Server, eventually, script
from app.testing.wire_client import BROKEN_OFF, STOPPED

PAID = """[models.paid]
provider = "openai"
model = "m"
base_url = "http://127.0.0.1:1"
api_key_env = "PAID_KEY"

[limits]"""
NAMES = 'name = "Open"', 'name = "Renamed"'


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("reload")) as running:
        yield running


def reload(server: Server, **env: str) -> subprocess.CompletedProcess[str]:
    usual, server.env = server.env, {**server.env, **env}
    try:
        return server.flask_program("reload", check=False)
    finally:
        server.env = usual


def change(server: Server, old: str, new: str) -> None:
    path = server.home / "parlance.toml"
    path.write_text(path.read_text().replace(old, new, 1))


def name_of_open(server: Server) -> str:
    headers = {"Authorization": f"Bearer {server.key('secret')}"}
    listed = requests.get(f"{server.url}/api/v2/agents", headers=headers, timeout=30)
    return str(listed.json()["data"][0]["name"])


def test_it_returns_when_the_new_worker_serves_with_what_was_changed(server) -> None:
    before = server.worker_pids()
    change(server, *NAMES)
    ran = reload(server)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert server.worker_pids()[-1] not in before
    eventually(lambda: server.worker_pids()[0] not in before, 20)  # the old one accepts for a moment
    assert name_of_open(server) == "Renamed"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[models.scripted]", "[models", ["not TOML"]),
        ('model = "scripted"', 'model = "gone"', ["agents.open.model: There is no model 'gone'"]),
        ("streams = 500", "streams = 0\nnew = 1", ["server.streams: ", "server.new: "]),
    ],
)
def test_each_mistake_is_named_and_the_server_stays_as_it_was(server, old, new, told) -> None:
    before = server.worker_pids()
    change(server, old, new)
    try:
        ran = reload(server)
    finally:
        change(server, new, old)
    assert (ran.returncode, ran.stdout) == (2, "")
    lines = [line for line in ran.stderr.splitlines() if line.startswith("  - ")]
    assert len(lines) == len(told)
    for each in told:
        assert each in ran.stderr
    assert server.worker_pids() == before


def test_a_worker_that_is_replaced_works_with_what_was_loaded_whatever_the_file_says(server) -> None:
    before = server.worker_pid()
    change(server, "[models.scripted]", "[models")
    try:
        os.kill(before, signal.SIGKILL)
        eventually(lambda: [pid for pid in server.worker_pids() if pid != before], 20)
        assert name_of_open(server) == "Renamed"
    finally:
        change(server, "[models", "[models.scripted]")


def test_what_the_servers_own_environment_lacks_is_told(server) -> None:
    """The command has the key, and the server, which was started before there was one, has not."""
    before = server.worker_pids()
    change(server, "[limits]", PAID)
    try:
        ran = reload(server, PAID_KEY="sk-1")
    finally:
        change(server, PAID, "[limits]")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[0] == "Not reloaded. Please correct:"
    assert "The environment variable PAID_KEY is not set." in ran.stderr
    assert server.worker_pids() == before


def test_what_the_old_worker_still_answers_is_read_on_and_stopped_at_the_new_one(tmp_path) -> None:
    changes = {"shutdown_seconds = 2": "shutdown_seconds = 20"}
    with Server(tmp_path, changes=changes) as server:
        caller = Caller(WidgetStream(), server, server.key("widget"))
        with Asked(caller, script(*SAID, {"text": "so far"}, {"pause": 60})) as asked:
            begun = numbered(asked.begun())
            assert reload(server).returncode == 0
            assert len(server.worker_pids()) == 2
            listener = asked.read_on(cursors(begun)[-1], stream=True)
            assert (asked.stop().status_code, asked.status()) == (200, "interrupted")
            assert STOPPED.encode() in last(numbered(asked.rest()))
            told = numbered(listener.content)
            assert spoken([*begun, *told]) == f"{WORDS}so far"
            assert BROKEN_OFF.encode() in last(told)


def test_without_a_server_there_is_nothing_to_reload(tmp_path) -> None:
    server = Server(tmp_path)
    server.make_database()
    try:
        ran = server.flask("reload", check=False)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr == f"Error: No server runs with the database {server.database.resolve()}.\n"
        (server.database.parent / "parlance.db.lock").write_text(
            f"{os.getpid()}\n"
        )  # left by one, and the id is another's
        assert server.flask("reload", check=False).returncode == 1
    finally:
        server.close()


def test_a_server_that_ends_meanwhile_is_told(server) -> None:
    """The last test: the master is stopped before it can take the signal."""
    pid = server.master_pid()
    os.kill(pid, signal.SIGSTOP)
    with subprocess.Popen(
        ["sh", "-c", f"sleep 15; kill -KILL {pid}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ):
        ran = reload(server)
    server._end(signal.SIGKILL)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("Error: The server has")
