"""Fixtures that every test may use, and the rule about skips."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from hypothesis import settings
from support.chromium import Chromium, chromium
from support.disconnects import configuration
from support.networks import may_make_networks
from support.redis_server import RedisServer, redis_server
from support.storage import may_mount

from app.testing.model_server import ModelServer
from app.testing.postgres import from_environment
from app.testing.provider_apis import PROVIDER_APIS
from app.testing.server import Server
from app.testing.wire_client import CREDENTIAL_KINDS

pytest_plugins = ["app.testing.plugin", "support.hanging"]

settings.register_profile("parlance", deadline=None)  # a machine that is busy is no mistake
settings.load_profile("parlance")

SAMPLES = Path(os.environ.get("PARLANCE_SAMPLES", Path(__file__).parents[2] / "shared" / "samples"))
"""The documents' own sample programs; their test is collected only where they are present."""

TRIES = 3  # where processes are driven or measured: other programs of the machine disturb one try, and hardly three
DRIVING = {"browser", "clients", "hosts", "knowledge", "server", "wires"}  # in these folders tests drive processes

LONGEST = (
    *(
        "crosswise",
        "playground",
        "schemathesis",
        "widget_page",
        "widget_use",
        "pages_for_everyone",
        "ai_sdk_browser",
        "own_tools",
        "vendors_python",
        "vendors_node",
    ),
    *(
        "upstream_failures",
        "workflows_on_every_wire",
        "chat_sessions",
        "things_and_workflows_permissions",
        "every_wire",
    ),
    *("chat_permissions", "agents_model", "widget_visitors", "visitors", "things", "run", "windows", "chats"),
    *("guarantees", "elsewhere", "refusing_to_start", "pages", "operations", "unstored_answers", "backup_under_load"),
    *("suites_elsewhere", "shared_windows", "widget_markdown", "hostile_timing", "behind_nginx", "upstream_leaving"),
)
"""Files that take longest come first, so that in the end nobody waits for one of them alone."""

OF_NO_DATABASE = {
    f"app.testing.{name}_suite" for name in ("bounds", "continue", "headers", "leaving", "takers", "wordless")
}
"""Suites that find on PostgreSQL what they find on SQLite: of the store they need what others ask of it."""

collect_ignore = [] if (SAMPLES / "run.py").exists() else ["clients/test_document_samples.py"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What gevent's event loop has started it waits for, and takes with it whatever else has ended by then: of a server
    that a test started, nobody knows the status any more, which is 0 then. So it listens to no ends (gevent 26.9.0)
    until it starts something again; in tests/unit what it has started goes on from test to test."""
    if "unit" not in item.path.parts:
        gevent.get_hub().loop.reset_sigchld()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # which that leaves as it is


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for marker, may in (("mounts", may_mount), ("networks", may_make_networks)):
        wanting = [item for item in items if item.get_closest_marker(marker)]
        if wanting and not may():  # no package that could be installed would change it
            config.hook.pytest_deselected(items=wanting)
            items[:] = [item for item in items if item not in wanting]
    if from_environment():
        idle = [item for item in items if item.function.__module__ in OF_NO_DATABASE]
        config.hook.pytest_deselected(items=idle)
        items[:] = [item for item in items if item not in idle]
    if items and hasattr(items[0].config, "workerinput"):  # several processes
        place = {f"test_{name}": number for number, name in enumerate(LONGEST)}
        items.sort(key=lambda item: place.get(item.path.stem, len(LONGEST)))
    for item in items:
        measured = item.get_closest_marker("alone") or item.get_closest_marker("timed")
        usual = TRIES if measured or _drives(item) else 1
        tries = measured.kwargs.get("tries", usual) if measured else usual
        if tries > 1:
            item.add_marker(pytest.mark.flaky(reruns=tries - 1, reruns_delay=1))


def _drives(item: pytest.Item) -> bool:
    return not DRIVING.isdisjoint(item.path.relative_to(Path(__file__).parent).parts)


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """The model of the agents of `relay`, to be scripted with `play`."""
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="session")
def relay(model_server: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an agent on the model server for each provider, of the provider's name."""
    with Server(tmp_path_factory.mktemp("relay"), config=configuration(model_server)) as running:
        yield running


@pytest.fixture(scope="session")
def relay_keys(relay: Server) -> dict[tuple[str, str], str]:
    """By kind and provider."""
    return {(kind, f"{api}"): relay.key(kind, f"{api}") for kind in CREDENTIAL_KINDS for api in PROVIDER_APIS}


@pytest.fixture(scope="session")
def chromium_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = shutil.which("chromium")
    if not program:
        pytest.skip("chromium not installed")
    with chromium(program, tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(chromium_process: Chromium) -> Iterator[Chromium]:
    """With no page open; what a file's tests opened is closed behind them."""
    yield chromium_process
    chromium_process.close_pages()


@pytest.fixture(scope="session")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def redis(running_redis: RedisServer) -> Iterator[RedisServer]:
    """Empty, and running."""
    running_redis.client.flushall()
    yield running_redis
    running_redis.make_room()


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


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests have to tell beside that they passed, and what was left out."""
    for report in terminalreporter.stats.get("passed", ()):
        for name, value in report.user_properties:
            if name == "told":
                terminalreporter.write_line(value)
    if collect_ignore:
        terminalreporter.write_line(
            f"The documents' sample programs are not at {SAMPLES}: their test was not collected."
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Continuous integration forbids skips: what it cannot run, it must install. (A machine that allows no
    namespaces has fewer tests, which their number tells.)"""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("PARLANCE_FORBID_SKIPS") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
