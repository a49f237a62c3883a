"""The fixtures that the contract suites ask for: `pytest_plugins = ["app.testing.plugin"]` in conftest.py.

A fixture of the same name in conftest.py takes the place of one of these: a `server` with another configuration, say.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.testing.model_server import ModelServer
from app.testing.provider_apis import close_idle_connections
from app.testing.server import Server

NARROW = {"streams_per_caller": 2, "streams_per_key": 2, "answer_seconds": 2, "answer_bytes": 2000}
"""What the table [server] of `narrow_server` says."""

WAITING = {"rejoin_seconds": 1.5, "shutdown_seconds": 0.5}
"""What that of `waiting_server` says."""

FINISHING, LEFT_FOR_A_MOMENT = {"when_left": '"finish"'}, {"when_left": 0.6}
"""What the agent `open` of `finishing_server` says, and that of `waiting_server`."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the suites' markers."""
    config.addinivalue_line(
        "markers", "timed(tries): measures times, and runs beside one other such test at most; so many tries (3)"
    )
    config.addinivalue_line("markers", "guarantee(row): shows what stands in this row of the guarantees' matrix")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say in the results which row of the guarantees' matrix a test shows, and of which wire: docs/matrix.py."""
    for item in items:
        wire = item.callspec.params.get("wire") if hasattr(item, "callspec") else None
        if not wire:
            continue
        for marker in item.iter_markers("guarantee"):
            item.user_properties += [("guarantee", marker.args[0]), ("wire", f"{wire.name} {wire!r}")]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that most tests share; it must still live when they are done."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        pid = running.worker_pid()
        yield running
        assert running.worker_pid() == pid, "a test brought the worker down"


def variant(
    server: Server,
    home: Path,
    table: Mapping[str, object],
    agent: Mapping[str, object] | None = None,
    more: Mapping[str, str] | None = None,
) -> Server:
    """As `server`, but with these values in [server] and in the agent `open`, and `more` in the environment."""
    config = (server.home / "parlance.toml").read_text()
    for header, values in (("server", table), ("agents.open", agent or {})):
        for name, value in values.items():
            config = re.sub(rf"^{name} *=.*\n", "", config, flags=re.MULTILINE)
            config = re.sub(rf"^\[{re.escape(header)}\].*\n", rf"\g<0>{name} = {value}\n", config, flags=re.MULTILINE)
    own = ("PARLANCE_HOME", "PARLANCE_CONFIG", "DATABASE_URL")
    env = {name: value for name, value in server.env.items() if name not in own}
    return Server(home, config=config, env={**env, **(more or {})}, wsgi=server.wsgi)


@pytest.fixture(scope="session")
def narrow_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As `server`, but that nobody may take much: see `NARROW`."""
    with variant(server, tmp_path_factory.mktemp("narrow"), NARROW) as running:
        yield running


@pytest.fixture(scope="session")
def finishing_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As `server`, but that answers are made to their ends, whoever leaves."""
    with variant(server, tmp_path_factory.mktemp("finishing"), {}, FINISHING) as running:
        yield running


@pytest.fixture(scope="session")
def waiting_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """As `server`, but that answers wait for a moment for those who leave, and somewhat longer for those who can come
    back. Tests may kill its worker, and restart it."""
    with variant(server, tmp_path_factory.mktemp("waiting"), WAITING, LEFT_FOR_A_MOMENT) as running:
        yield running


@pytest.fixture(scope="session")
def widget_key(server: Server) -> str:
    """For the agent `open`."""
    return server.key("widget")


@pytest.fixture(scope="session")
def secret_key(server: Server) -> str:
    """For the agent `open`."""
    return server.key("secret")


@pytest.fixture(scope="session")
def key_of(server: Server, widget_key: str, secret_key: str) -> Mapping[str, str]:
    """A credential of each of CREDENTIAL_KINDS, for the agent `open`."""
    return {"widget": widget_key, "secret": secret_key, "session": server.key("session")}


@pytest.fixture
def upstream() -> Iterator[ModelServer]:
    """A model server to be scripted with `play`, of this test alone."""
    with ModelServer() as running:
        yield running
    close_idle_connections()
