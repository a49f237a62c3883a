"""A server whose files are those of another version by now goes on with the code that it was started with."""

import os
import shutil
import signal

import requests

from app.testing.server import ROOT, Server, eventually, new_session_id


def test_a_worker_that_takes_anothers_place_has_its_servers_code(tmp_path) -> None:
    code = tmp_path / "code"
    for name in ("app", "config"):
        shutil.copytree(ROOT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "pyproject.toml"):
        shutil.copy(ROOT / name, code)
    with Server(tmp_path / "home", root=code) as server:
        for file in (code / "app").rglob("*.py"):
            file.write_text("raise RuntimeError('of another version')\n")
        key, killed = server.key("widget"), server.worker_pid()
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: server.worker_pids() and server.worker_pid() != killed, 20)
        body = {"sessionId": new_session_id(), "message": "hello"}
        answer = requests.post(f"{server.url}/chat", json=body, headers={"x-api-key": key}, timeout=20)
        assert (answer.status_code, answer.text.splitlines()[-1].startswith('{"type":"done"')) == (200, True)
        assert "another version" not in server.log_text()
