"""A database that cannot be used, under a real server: what callers, /ready, the log and the command line say of it,
that nothing acknowledged is lost, and that all is well again when the database is."""

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests
from support.agents import Client
from support.storage import ALONE, damaged, locked

from app.store.database import Database
from app.testing.server import BIN, GUNICORN, ROOT, Server, eventually, script
from app.testing.sockets import read_all, read_until

pytestmark = pytest.mark.timed

ON_A_SMALL_DISK = 'mount -t tmpfs -o size=16m,mode=700 none "$1" && cp "$2" "$1/parlance.db" && shift 2 && exec "$@"'
UNAVAILABLE = (503, "SERVICE_UNAVAILABLE")


def ready(server: Server) -> tuple[int, str]:
    answer = requests.get(f"{server.url}/ready", timeout=10)
    return answer.status_code, answer.json()["checks"]["database"]


def told(response: requests.Response) -> tuple[int, str]:
    if response.status_code == 503:
        assert int(response.headers["Retry-After"]) > 0
    return response.status_code, response.json()["error"]["code"]


def faults(server: Server) -> list[str]:
    """What the log tells of the database."""
    return [line["message"] for line in server.log() if line["message"].startswith("the database can")]


class Disk:
    """A tmpfs of 16 MB that only the server sees, with its database on it."""

    def __init__(self, home: Path) -> None:
        prepared = Server(home / "prepared")
        prepared.make_database()
        self.key = prepared.key("secret")
        Database(f"sqlite:///{prepared.database}").checkpoint()
        prepared.close()
        self._folder = prepared.home
        self.server = Server(home / "server")
        instance = self.server.database.parent
        instance.mkdir(parents=True)
        self.server.command = [*ALONE, "sh", "-c", ON_A_SMALL_DISK, "sh", instance, prepared.database, *GUNICORN]
        self.server.start()
        self._seen_from_here = Path(f"/proc/{self.server.worker_pid()}/root{instance}")

    def fill(self) -> None:
        with suppress(OSError), (self._seen_from_here / "junk").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    def empty(self) -> None:
        (self._seen_from_here / "junk").unlink()

    def texts(self) -> set[str | None]:
        """What is stored. SQLite does not find the file through /proc, but a copy will do."""
        for name in ("parlance.db", "parlance.db-wal"):
            shutil.copy(self._seen_from_here / name, self._folder / name)
        with closing(sqlite3.connect(self._folder / "parlance.db")) as copy:
            return {text for (text,) in copy.execute("SELECT json_extract(parts, '$[0].text') FROM messages")}


@pytest.fixture
def disk(tmp_path) -> Iterator[Disk]:
    disk = Disk(tmp_path)
    yield disk
    disk.server.__exit__()


@pytest.mark.mounts
def test_a_full_disk_refuses_what_is_to_be_stored_and_shows_what_is(disk) -> None:
    server = disk.server
    client = Client(server, disk.key)
    user = {"Cookie": f"parlance_session={server.key('session')}"}
    before = [client.ask(script({"text": f"answer {number}"}))["metadata"]["conversationId"] for number in range(3)]
    assert ready(server) == (200, "ok")
    with client.open(script({"text": "said"}, {"pause": 1})) as stream:
        read_until(stream, b'"said"')
        disk.fill()
        rest = read_all(stream, 20)
        assert b"database is not available" in rest
        assert b'"type":"finish"' not in rest, "what was not stored is not acknowledged"
    for _ in range(3):
        assert told(client.chat({"message": "lost"})) == UNAVAILABLE
    pair = {"email": "new@example.com", "password": "correct horse", "name": "open"}
    assert requests.post(f"{server.url}/api/auth/sign-up/email", json=pair, timeout=30).status_code == 503
    assert requests.post(f"{server.url}/api/chats", json={"title": "x"}, headers=user, timeout=30).status_code == 503
    listed = {each["id"] for each in client.get("/conversations")["data"]}
    assert set(before) <= listed, "what is there is shown"
    assert client.messages(before[0])[-1]["parts"][0]["text"] == "answer 0"
    eventually(lambda: ready(server) == (503, "disk full"))
    assert requests.get(f"{server.url}/health", timeout=5).status_code == 200

    disk.empty()
    eventually(lambda: ready(server) == (200, "ok"))
    after = client.ask(script({"text": "again"}))
    assert client.messages(after["metadata"]["conversationId"])[-1]["parts"][0]["text"] == "again"
    eventually(lambda: "said" in disk.texts(), 15)
    assert "lost" not in disk.texts()
    time.sleep(2)
    client.ask(script({"text": "settled"}))
    assert faults(server)[0] == "the database cannot be written: disk full"
    assert len(faults(server)) <= 4, "not a line for each request"
    assert faults(server)[-1].startswith("the database can be written again")
    assert "Traceback" not in server.log_text()


def test_a_locked_database_keeps_nobody_waiting_longer_than_one_call_may(start) -> None:
    server: Server = start()
    client = Client(server, server.key("secret"))
    client.ask(script({"text": "before"}))
    with locked(server.database), ThreadPoolExecutor(20) as pool:
        begun = time.monotonic()
        asked = [pool.submit(client.chat, {"message": "x", "stream": False}) for _ in range(20)]
        time.sleep(0.5)
        assert ready(server) == (503, "locked by another process")
        assert time.monotonic() - begun < 3.5, "who asks for readiness does not wait for the writers"
        assert len(client.get("/conversations")["data"]) == 1, "nor do readers"
        assert time.monotonic() - begun < 4
        assert {told(each.result()) for each in asked} == {UNAVAILABLE}
        assert time.monotonic() - begun < 6.5, "each by its own deadline, not one after another"
        refused = server.flask("keys", "create", "--agent", "open", "--kind", "secret", check=False)
        assert refused.returncode == 1
        why = f"{server.database}: locked by another process"
        assert refused.stderr == f"Error: The database does not answer as it should: {why}.\n"
    eventually(lambda: ready(server) == (200, "ok"))
    client.ask(script({"text": "after"}))


def test_a_damaged_database_is_told_and_not_served_again(start) -> None:
    server: Server = start()
    client = Client(server, server.key("secret"))
    conversation = client.ask(script({"text": "before"}))["metadata"]["conversationId"]
    Database(f"sqlite:///{server.database}").checkpoint()
    with damaged(server.database):
        with sqlite3.connect(server.database) as connection:  # has the server read anew what it remembers
            connection.execute("PRAGMA user_version = 1")
        connection.close()
        assert told(client.call("GET", f"/conversations/{conversation}/messages")) == UNAVAILABLE
        eventually(lambda: ready(server) == (503, "damaged"))
        assert faults(server) == ["the database cannot be read: damaged"]
        server.stop()
        command = [BIN / "gunicorn", "-c", "config/gunicorn.conf.py", "-b", "127.0.0.1:0"]
        ran = subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, text=True, timeout=30, check=False)
        assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)
        why = f"{server.database}: damaged: restore a backup"
        assert f"The database cannot be served: {why}" in ran.stderr
        listed = server.flask_program("keys", "list", check=False)
        assert listed.returncode == 1
        assert listed.stderr == f"Error: The database does not answer as it should: {why}.\n"
