"""The real commands with a configuration that cannot work: what is wrong, status 2, and no traceback."""

import subprocess

import pytest

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
        ("REDIS_URL", "redis://localhost", "cannot use Redis yet"),
        ("DATABASE_URL", "postgresql://user:hunter2@host:port/db", "DATABASE_URL: "),
        ("PARLANCE_CONFIG", "/nowhere/parlance.toml", "PARLANCE_CONFIG: /nowhere/parlance.toml cannot be read"),
        ("PARLANCE_HOME", str(ROOT / "wsgi.py"), "PARLANCE_HOME: "),
    ],
)
def test_what_cannot_work_is_refused_with_an_explanation(configured, variable, value, why) -> None:
    ran = run(COMMANDS["gunicorn"], configured(env={variable: value}))
    assert "hunter2" not in ran.stdout + ran.stderr
    assert_refused(ran, why)


@pytest.mark.parametrize(
    "flag", ["--forwarded-allow-ips *", "--forwarder-headers SCRIPT_NAME", "--header-map dangerous", "--proxy-protocol"]
)
def test_gunicorn_is_not_made_to_believe_headers(configured, flag) -> None:
    server = configured(env={"GUNICORN_CMD_ARGS": flag})
    server.make_database()
    assert_refused(run(COMMANDS["gunicorn"], server), "PARLANCE_TRUSTED_HOPS")


def test_a_refused_start_leaves_nothing_behind(tmp_path, configured) -> None:
    server = configured(env={"PORT": "x"})
    run(COMMANDS["flask"], server)
    assert not (tmp_path / "instance").exists()
