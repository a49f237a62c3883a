"""A server on PostgreSQL: how it starts, and that it is alone. (While its database is away: tests/hosts.)"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest
import requests

from app.store.owning import own_postgres
from app.store.urls import database_url
from app.testing.postgres import Postgres, shared_postgres
from app.testing.server import BIN, GUNICORN, ROOT, Server, eventually

pytestmark = pytest.mark.timed


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """One that may be ended."""
    shared_postgres()  # skips where there is none
    with Postgres() as running:
        yield running


@pytest.fixture(scope="module")
def server(postgres, tmp_path_factory) -> Iterator[Server]:
    url = postgres.url(postgres.new_database())
    with Server(tmp_path_factory.mktemp("postgres"), env={"DATABASE_URL": url}) as running:
        yield running


def run(server: Server, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env={**server.env, **env}, capture_output=True, text=True, check=False, timeout=60
    )


def ready(server: Server) -> tuple[int, str]:
    response = requests.get(f"{server.url}/ready", timeout=10)
    return response.status_code, response.json()["checks"]["database"]


def test_an_empty_database_is_prepared_and_until_then_not_served(postgres, server) -> None:
    url = postgres.url(postgres.new_database("template1"))
    place = url.replace("postgres://parlance:correct-horse@", "postgresql://parlance@")
    refused = run(server, *GUNICORN, "-b", "127.0.0.1:0", DATABASE_URL=url)
    assert refused.returncode == 2
    assert f"{place}: of another version: run `flask prepare`" in refused.stderr
    prepared = run(server, f"{BIN}/flask", "prepare", "--demo-keys", DATABASE_URL=url)
    assert (prepared.returncode, prepared.stderr) == (0, "")
    assert "widget key" in prepared.stdout
    listed = run(server, f"{BIN}/flask", "keys", "list", DATABASE_URL=url)
    assert len(listed.stdout.splitlines()) == 2


def test_a_second_server_of_the_same_database_is_refused_wherever_it_runs(server, tmp_path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(server.home / "instance" / "secret_key", home)  # or it is refused for that
    refused = run(server, *GUNICORN, "-b", "127.0.0.1:0", PARLANCE_HOME=str(home))
    assert refused.returncode == 2
    assert "Another server runs with the database postgresql://parlance@127.0.0.1:" in refused.stderr
    assert "which has one at a time, or several that all have REDIS_URL." in refused.stderr
    assert "correct-horse" not in refused.stdout + refused.stderr


def test_a_second_server_of_the_same_home_folder_is_refused_whatever_its_database(postgres, server) -> None:
    url = postgres.url(postgres.new_database("template1"))
    assert run(server, f"{BIN}/flask", "prepare", DATABASE_URL=url).returncode == 0
    refused = run(server, *GUNICORN, "-b", "127.0.0.1:0", DATABASE_URL=url)
    assert refused.returncode == 2
    assert f"Another server runs with the home folder {server.home / 'instance'}, which has" in refused.stderr


def test_its_database_stays_its_own_when_a_worker_ends(server) -> None:
    before = server.worker_pid()
    os.kill(before, signal.SIGTERM)
    eventually(lambda: server.worker_pids() and server.worker_pid() != before, 30)
    eventually(lambda: ready(server) == (200, "ok"), 10)
    assert own_postgres(database_url(server.database_url)) is None
