"""The program `parlance`: what it imports, what it lists, what a shell completes, and what a package of it holds."""

import os
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime

import orjson
import pytest

from app.cli import COMMANDS, parlance
from app.testing.server import BIN, ROOT

PROGRAM = "import sys; from app.cli import main; sys.argv[0] = 'parlance'; main()"
APPLICATION = {"flask", "redis", "alembic", "gunicorn", "app.main", "app.wiring", "app.web"}
HEAVY = APPLICATION | {"jinja2", "limits", "lxml", "numpy", "yaml", "app.providers", "app.tools", "app.workflows",
                       "app.knowledge.search"}  # fmt: skip
DATABASES = {"sqlalchemy", "marshmallow", "gevent"}


def run(server, *command, **env) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *command],
        cwd=ROOT, env={**server.env, **env}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def imported(server, *command) -> set[str]:
    ran = run(server, *command, PYTHONPROFILEIMPORTTIME="1")
    assert ran.returncode == 0, ran.stderr
    return {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines() if line.startswith("import time:")}


def test_help_imports_nothing_but_the_names_of_the_commands(prepared) -> None:
    modules = imported(prepared, "--help")
    assert modules & (HEAVY | DATABASES) == set()
    assert {name for name in modules if name.startswith("app")} == {"app", "app.cli"}


@pytest.mark.parametrize(
    "command",
    [("keys", "list"), ("users", "list"), ("audit", "list"), ("conversations", "erase", "--user", "x")],
    ids=" ".join,
)
def test_a_command_that_needs_the_database_imports_no_application(prepared, command) -> None:
    modules = imported(prepared, *command)
    assert modules & HEAVY == set()
    assert modules >= DATABASES


@pytest.mark.parametrize(
    "command", [("usage",), ("webhooks", "list"), ("conversations", "expire", "--dry-run")], ids=" ".join
)
def test_a_command_that_needs_the_configuration_too_imports_no_application(prepared, command) -> None:
    assert imported(prepared, *command) & APPLICATION == set()


def test_the_program_lists_each_command_with_what_the_command_itself_says() -> None:
    for name in COMMANDS:
        with parlance.make_context("parlance", [name, "--help"], resilient_parsing=True) as context:
            _, command, _ = parlance.resolve_command(context, [name])
        assert command.name == name
        first = (command.help or "").partition("\n")[0]
        assert first.split()[0] == COMMANDS[name][-1].split()[0]


def test_what_needs_the_database_alone_works_while_the_configuration_has_mistakes(configured) -> None:
    server = configured(changes={'"builtin"\ntools': '"builtni"\ntools'})
    server.make_database()
    assert [run(server, name, "list").returncode for name in ("keys", "users", "audit")] == [0, 0, 0]
    assert "There is no key 'x'" in run(server, "keys", "update", "x", "--name", "y").stderr
    refused = run(server, "keys", "create", "--agent", "open", "--kind", "secret")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "agents.site.model: There is no model 'builtni'" in refused.stderr


def test_a_folder_without_a_configuration_is_refused_and_left_as_it_is(fresh, tmp_path) -> None:
    env = {"PARLANCE_CONFIG": str(tmp_path / "parlance.toml"), "PARLANCE_HOME": str(tmp_path / "home")}
    ran = run(fresh, "keys", "list", **env)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"PARLANCE_CONFIG: {tmp_path}/parlance.toml cannot be read: No such file" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_lists_are_one_document_of_json_with_times_in_utc(configured) -> None:
    server = configured()
    server.flask("prepare")
    secret = ["--agent", "open", "--kind", "secret", "--name", "mine", "--credits", "5",
              "--expires", "2999-01-31"]  # fmt: skip
    widget = ["--agent", "site", "--kind", "widget", "--origin", "https://example.com", "--require-origin"]
    for options in (secret, widget):
        server.flask("keys", "create", *options)
    server.flask("users", "create", "--email", "ada@example.com", "--password-stdin", stdin="correct horse\n")
    (server.home / "note.md").write_text("# Note\n\nOpen at nine.\n")
    server.flask("knowledge", "add", "--agent", "site", str(server.home / "note.md"))

    def listed(*command: str) -> list[dict]:
        return orjson.loads(server.flask(*command, "--json").stdout)

    mine, bound = listed("keys", "list")
    assert bound.pop("id") != mine.pop("id")
    at = datetime.fromisoformat(mine.pop("created_at"))
    assert abs((datetime.now(at.tzinfo) - at).total_seconds()) < 60
    assert bound.pop("created_at").endswith("Z")
    assert mine == {"kind": "secret", "agent": "open", "name": "mine", "expires_at": "2999-01-31T00:00:00Z",
                    "revoked_at": None, "origins": [], "require_origin": False, "credits": 5, "spent": 0}  # fmt: skip
    assert bound == {"kind": "widget", "agent": "site", "name": "", "expires_at": None, "revoked_at": None,
                     "origins": ["https://example.com"], "require_origin": True, "credits": None,
                     "spent": 0}  # fmt: skip
    (ada,) = listed("users", "list")
    assert sorted(ada) == ["created_at", "disabled_at", "email", "id", "name"]
    assert (ada["email"], ada["disabled_at"]) == ("ada@example.com", None)
    agents = listed("agents", "check")
    assert agents[0] == {"id": "open", "models": ["scripted"], "tools": ["calculator", "clock", "knowledge"],
                         "client_tools": [], "knowledge_files": 6, "workflow": None, "public": True}  # fmt: skip
    (note,) = listed("knowledge", "list")
    assert (note["agent"], note["address"], note["bytes"] > 0) == ("site", str(server.home / "note.md"), True)
    assert note["read_at"].endswith("Z")
    assert listed("knowledge", "list", "--agent", "open") == []


def test_the_worst_cases_of_workflows_are_one_document_too(configured) -> None:
    file = str(ROOT / "config/workflows/price-with-tax.yaml")
    (bound,) = orjson.loads(configured().flask("workflows", "check", file, "--json").stdout)
    assert sorted(bound) == ["depth", "fan_out", "model_calls", "seconds", "steps", "tool_calls", "workflow"]
    assert bound["workflow"] == "Price with tax"


def test_bash_completes_the_commands_and_their_options(prepared) -> None:
    """As a person's shell does it: evaluates what was printed, and calls that function for the words typed so far."""
    script = """
eval "$(parlance completion bash)"
complete -p parlance >/dev/null || exit 3
try() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _parlance_completion parlance; echo "${COMPREPLY[*]}"
}
try parlance k
try parlance keys ""
try parlance keys create --k
try parlance keys create --kind ""
"""
    env = {**prepared.env, "PATH": f"{BIN}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", "--norc", "-c", script], env=env, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "keys knowledge", "create list revoke rotate update visitor-secret", "--kind", "widget secret"
    ]  # fmt: skip


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_of_their_own(prepared, shell) -> None:
    ran = prepared.flask("completion", shell)
    assert f"_PARLANCE_COMPLETE={shell}_complete" in ran.stdout
    assert ran.stderr == ""


def test_a_package_has_all_of_the_code_and_works_in_the_folder_of_a_checkout(tmp_path) -> None:
    names = ["app", "config", "pyproject.toml", "requirements.txt", "LICENSE"]
    command = ["git", "ls-files", "-co", "--exclude-standard", *names]
    files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    tree, installed = tmp_path / "tree", tmp_path / "installed"
    for name in files:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, tree]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    with zipfile.ZipFile(next(tmp_path.glob("parlance-*.whl"))) as archive:
        archive.extractall(installed)
    assert [name for name in files if name.startswith("app/") and not (installed / name).exists()] == []
    (about,) = installed.glob("*.dist-info/entry_points.txt")
    assert "parlance = app.cli:main" in about.read_text()
    ours = ("PARLANCE_", "DATABASE_", "REDIS_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    shutil.rmtree(tree / "app")
    for words in (["prepare"], ["keys", "create", "--agent", "demo", "--kind", "secret"], ["keys", "list"]):
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words],
            cwd=tree, env={**env, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
    assert "\tsecret\tdemo\t" in ran.stdout
    assert (tree / "instance" / "parlance.db").exists()


def test_make_puts_the_program_beside_those_of_the_libraries(prepared) -> None:
    made = prepared.flask_program("keys", "create", "--agent", "open", "--kind", "secret", program="parlance")
    assert made.stdout.startswith("sk_")
    assert made.stderr == ""
