"""Fixtures that every test may use, and the rule about skips."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from server import Server
from speeches import let_go
from upstream import Upstream

SAMPLES = Path(os.environ.get("PARLANCE_SAMPLES", Path(__file__).parents[2] / "shared" / "samples"))
"""The documents' own sample programs; their test is collected only where they are present."""

collect_ignore = [] if (SAMPLES / "run.py").exists() else ["test_document_samples.py"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that most tests share; it must still live when they are done."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        pid = running.worker_pid()
        yield running
        assert running.worker_pid() == pid, "a test brought the worker down"


@pytest.fixture(scope="session")
def widget_key(server: Server) -> str:
    """For the agent `open`."""
    return server.key("widget")


@pytest.fixture(scope="session")
def secret_key(server: Server) -> str:
    """For the agent `open`."""
    return server.key("secret")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts further servers: `start(changes={...}, env={...})`; they end with the test."""
    started: list[Server] = []

    def start_one(**options: Any) -> Server:
        another = Server(tmp_path / f"server{len(started)}", **options)
        started.append(another)
        return another.__enter__()

    yield start_one
    for running in started:
        running.__exit__()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A model server to be scripted with `play`."""
    with Upstream() as running:
        yield running
    let_go()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if collect_ignore:
        terminalreporter.write_line(
            f"The documents' sample programs are not at {SAMPLES}: their test was not collected."
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Continuous integration forbids skips: what it cannot run, it must install."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("PARLANCE_FORBID_SKIPS") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
