"""`flask backup` while the server answers and writes, and a server that goes on from the backup."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
import requests
from support.visitors import id_of, signed

from app.testing.server import Server, new_session_id

CALLERS = 4
Answered = list[tuple[float, str]]
"""When an answer's end was read (monotonic clock), and the session it was in."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("live")) as running:
        yield running


def ask(server: Server, key: str, session: str, visitor: str = "") -> requests.Response:
    headers = {"x-api-key": key} | ({"x-visitor": visitor} if visitor else {})
    body = {"sessionId": session, "message": "What is 12 * 7?"}
    return requests.post(f"{server.url}/v1/chat", json=body, headers=headers, timeout=30)


def keep_asking(server: Server, key: str, stop: Event) -> Answered:
    answered = []
    while not stop.is_set():
        session = new_session_id()
        assert ask(server, key, session).status_code == 200
        answered.append((time.monotonic(), session))
    return answered


def test_each_backup_under_load_holds_what_was_acknowledged_before_and_a_server_goes_on_from_it(
    server, tmp_path
) -> None:
    key, stop = server.key("widget", "site"), Event()
    begun: dict[Path, float] = {}
    with ThreadPoolExecutor(CALLERS) as pool:
        asking = [pool.submit(keep_asking, server, key, stop) for _ in range(CALLERS)]
        try:
            time.sleep(1)
            for number in range(3):
                file = tmp_path / f"{number}.tar"
                begun[file] = time.monotonic()
                ran = server.flask_program("backup", str(file), check=False)
                assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        finally:
            stop.set()
        answered = [each for future in asking for each in future.result()]
    for file, since in begun.items():
        other = Server(tmp_path / f"{file.stem} restored")
        other.flask_program("restore", str(file))
        kept = {row[0] for row in other.rows("SELECT external_id FROM conversations")}
        assert {session for when, session in answered if when < since} <= kept
        assert len([1 for when, _ in answered if when > since]) > CALLERS, "it was under load"
        other.close()
    goes_on(server, Server(tmp_path / "2 restored"), key)


def goes_on(server: Server, restored: Server, key: str) -> None:
    """Keys work, and so do visitors' tokens, which hang on the secret."""
    secret = server.flask("keys", "visitor-secret", id_of(server, key)).stdout.strip()
    with restored:
        assert ask(restored, key, new_session_id()).json()["message"] == "12 * 7 = 84"
        assert ask(restored, key, new_session_id(), signed(secret, "ada")).status_code == 200
        assert not restored.rows("SELECT * FROM messages WHERE status = 'running'"), "the dead are buried"


def test_nothing_is_restored_under_a_server_that_runs(server, tmp_path) -> None:
    server.flask("backup", str(tmp_path / "b.tar"))
    ran = server.flask_program("restore", str(tmp_path / "b.tar"), check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "Error: A server runs with this database: stop it first.\n"
