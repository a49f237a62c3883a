"""The real commands with a configuration that cannot work: what is wrong, status 2, and no traceback."""

import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.store.installation import check_secret
from app.testing.server import BIN, ROOT, Server

COMMANDS = {
    "flask": [BIN / "flask", "keys", "list"],
    "gunicorn": [BIN / "gunicorn", "-c", "config/gunicorn.conf.py", "-b", "127.0.0.1:0"],
}
MISTAKES = """
[models.m]
provider = "anthropic"
model = "m-1"
base_url = "nowhere"
api_key_env = "NO_SUCH_KEY"
timeouts = {connect = -1}
ca_file = "/no.pem"

[tools.lost]
function = "no_such_module:f"

[workflows]
files = ["nothing/*.yaml"]

[server]
"""
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


@pytest.fixture
def configured(tmp_path):
    """Makes a server that is never started: its files and its environment."""
    made: list[Server] = []

    def configure(**options) -> Server:
        made.append(Server(tmp_path, **options))
        return made[-1]

    yield configure
    for server in made:
        server.__exit__()


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def run(command, server: Server) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env=server.env, capture_output=True, text=True, timeout=20, check=False)


def assert_refused(ran: subprocess.CompletedProcess[str], *mistakes: str) -> None:
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "Parlance cannot start. Please correct:" in ran.stderr.splitlines()
    told = [line for line in ran.stderr.splitlines() if line.startswith("  - ")]
    assert len(told) == len(mistakes)
    for line, mistake in zip(told, mistakes, strict=True):
        assert mistake in line
    assert ran.returncode == 2


@every_command
def test_every_mistake_is_told_on_a_line_of_its_own(configured, command) -> None:
    changes = {'model = "builtin"': 'model = "gone"', "[server]": MISTAKES}
    assert_refused(
        run(command, configured(changes=changes, env={"PORT": "x"})),
        "PORT: Not a valid integer.",
        "models.m.base_url: Not an address",
        "models.m.api_key_env: The environment variable NO_SUCH_KEY is not set.",
        "models.m.ca_file: This file cannot be read.",
        "models.m.timeouts.connect: Must be greater than 0",
        "agents.site.model: There is no model 'gone'",
        "tools.lost.function: There is no module 'no_such_module'",
        "workflows.nothing/*.yaml: No file matches.",
    )


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("WEB_CONCURRENCY", "2", "every limit would silently be multiplied"),
        ("REDIS_URL", "http://:hunter2@localhost", "REDIS_URL: Must begin with redis://"),
        ("DATABASE_URL", "postgresql://user:hunter2@host:port/db", "DATABASE_URL: "),
        (
            "DATABASE_URL",
            "postgresql://user:hunter2@127.0.0.1:1/db",
            "The database cannot be served: postgresql://user@127.0.0.1:1/db: cannot be reached (connection failed: ",
        ),
        ("PARLANCE_CONFIG", "/nowhere/parlance.toml", "PARLANCE_CONFIG: /nowhere/parlance.toml cannot be read"),
        ("PARLANCE_HOME", str(ROOT / "wsgi.py"), "PARLANCE_HOME: "),
    ],
)
def test_what_cannot_work_is_refused_with_an_explanation(configured, variable, value, why) -> None:
    ran = run(COMMANDS["gunicorn"], configured(env={variable: value}))
    assert "hunter2" not in ran.stdout + ran.stderr
    assert_refused(ran, why)


def test_a_redis_that_cannot_be_reached_is_named(configured, free_port) -> None:
    server = configured(env={"REDIS_URL": f"redis://:hunter2@127.0.0.1:{free_port}/0"})
    server.make_database()
    ran = run(COMMANDS["gunicorn"], server)
    assert "hunter2" not in ran.stdout + ran.stderr
    assert_refused(ran, f"The Redis of REDIS_URL cannot be used: Error 111 connecting to 127.0.0.1:{free_port}")
    assert run(COMMANDS["flask"], server).returncode == 0, "commands do without"


@pytest.mark.parametrize(
    "flag", ["--forwarded-allow-ips *", "--forwarder-headers SCRIPT_NAME", "--header-map dangerous", "--proxy-protocol"]
)
def test_gunicorn_is_not_made_to_believe_headers(configured, flag) -> None:
    server = configured(env={"GUNICORN_CMD_ARGS": flag})
    server.make_database()
    assert_refused(run(COMMANDS["gunicorn"], server), "PARLANCE_TRUSTED_HOPS")


def test_another_parser_of_requests_is_refused(configured) -> None:
    server = configured(env={"GUNICORN_CMD_ARGS": "--http-parser auto"})
    server.make_database()
    assert_refused(run(COMMANDS["gunicorn"], server), "Another --http-parser than python is not possible")


def test_another_installations_secret_is_refused_by_name(configured) -> None:
    ours = configured(env={"PARLANCE_SECRET_KEY": "o" * 40})
    ours.make_database()
    check_secret(f"sqlite:///{ours.database}", "o" * 40, keep=True)
    ran = run(COMMANDS["gunicorn"], configured(env={"PARLANCE_SECRET_KEY": "t" * 40}))
    assert "t" * 40 not in ran.stdout + ran.stderr
    assert_refused(ran, "PARLANCE_SECRET_KEY has another installation's secret than the database")
    assert_refused(run(COMMANDS["gunicorn"], configured()), "/instance/secret_key has another installation's secret")


def test_a_refused_start_leaves_nothing_behind(tmp_path, configured) -> None:
    server = configured(env={"PORT": "x"})
    run(COMMANDS["flask"], server)
    assert not (tmp_path / "instance").exists()


# Root may enter everything, but not without these capabilities.
LIKE_ANYBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
PREPARE, LIST = [BIN / "flask", "prepare"], COMMANDS["flask"]
both_commands = pytest.mark.parametrize("command", [PREPARE, LIST], ids=["prepare", "list"])


@pytest.fixture
def shut() -> Iterator[Callable[[Path], None]]:
    """Takes all permissions from a file or folder, until the test has ended."""
    if LIKE_ANYBODY and not shutil.which("setpriv"):
        pytest.skip("setpriv is needed for a root that may not enter everything")
    shut: list[Path] = []
    yield lambda path: (shut.append(path), path.chmod(0))[-1]
    for path in shut:
        path.chmod(0o700)


def assert_told_in_a_line(ran: subprocess.CompletedProcess[str], *words: str) -> None:
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith("Error: ")
    for each in (*words, "(as u"):
        assert each in line


@both_commands
def test_a_home_folder_that_may_not_be_entered_is_told_with_the_user(configured, shut, command) -> None:
    server = configured()
    server.make_database()
    shut(server.database.parent)
    ran = run([*LIKE_ANYBODY, *command], server)
    assert_told_in_a_line(ran, f"{server.database.parent}/", "Permission denied")


@both_commands
def test_a_home_folder_below_a_file_is_told(configured, command) -> None:
    server = configured(env={"PARLANCE_HOME": f"{ROOT}/wsgi.py/home"})
    assert_told_in_a_line(run(command, server), f"{ROOT}/wsgi.py/home", "Not a directory")


@both_commands
def test_a_database_that_may_not_be_opened_is_told_with_the_user(configured, shut, command) -> None:
    server = configured()
    server.make_database()
    shut(server.database)
    assert_told_in_a_line(run([*LIKE_ANYBODY, *command], server), f"{server.database}: ", "opened")


def test_a_server_does_not_start_with_a_home_folder_that_it_may_not_enter(tmp_path, configured, shut) -> None:
    server = configured(env={"DATABASE_URL": f"sqlite:///{tmp_path}/instance/parlance.db"})
    server.make_database()
    server.env["PARLANCE_HOME"] = str(tmp_path / "home")
    (tmp_path / "home").mkdir()
    shut(tmp_path / "home")
    ran = run([*LIKE_ANYBODY, *COMMANDS["gunicorn"]], server)
    assert_refused(ran, f"The home folder cannot be used: {tmp_path}/home/")


def set_version(server: Server) -> None:
    with sqlite3.connect(server.database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
    connection.close()


def damage(server: Server) -> None:
    with server.database.open("r+b") as file:
        file.seek(10 * 4096)
        file.write(b"damaged!" * 512)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (set_version, "of a newer Parlance: install that one, or restore a backup"),
        (damage, "damaged: restore a backup"),
    ],
)
def test_a_database_that_no_preparation_helps_is_told_by_the_start_and_the_preparation(
    configured, spoil, words
) -> None:
    server = configured()
    server.make_database()
    spoil(server)
    told = f"{server.database}: {words}"
    assert_refused(run(COMMANDS["gunicorn"], server), told)
    ran = run(PREPARE, server)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"Error: The database does not answer as it should: {told}.\n"
