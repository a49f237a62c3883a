"""The command line as operators type it: what goes to standard output, and what is refused."""

import re

import pytest
import requests

from app.testing.server import CONFIG, Server

KEY = r"(?:wk|sk)_[\w-]{43}"


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    """Makes servers that are never started: a configuration, a home, and the commands for them."""
    made: list[Server] = []

    def configure(**options) -> Server:
        made.append(Server(tmp_path_factory.mktemp("cli"), **options))
        return made[-1]

    yield configure
    for server in made:
        server.__exit__()


@pytest.fixture
def fresh(configured):
    """One whose database was never prepared."""
    return configured()


@pytest.fixture(scope="module")
def prepared(configured):
    """One with a prepared database, which these tests share."""
    server = configured()
    server.flask("prepare")
    return server


def listed(server: Server) -> list[list[str]]:
    return [line.split("\t") for line in server.flask("keys", "list").stdout.splitlines()]


def test_demo_keys_are_shown_by_the_first_preparation_and_never_again(fresh) -> None:
    first = fresh.flask("prepare", "--demo-keys").stdout
    keys = re.findall(KEY, first)
    assert [key[:3] for key in keys] == ["wk_", "sk_"]
    assert "'open'" in first, "they are for the public agent"
    again = fresh.flask("prepare", "--demo-keys").stdout
    assert re.match(r"Keys: 2, the first made on \d{4}-\d\d-\d\d \d\d:\d\d UTC\.", again)
    assert re.findall(KEY, again) == []
    assert [row[1:3] for row in listed(fresh)] == [["widget", "open"], ["secret", "open"]]


def test_a_demo_user_is_made_where_there_are_no_users_and_shown_once(configured) -> None:
    server = configured()
    first = server.flask("prepare", "--demo-keys").stdout
    shown = re.findall(r"demo@example\.com, password ([\w-]{16}) ", first)
    assert len(shown) == 1
    again = server.flask("prepare", "--demo-keys").stdout
    assert "demo@example.com" not in again
    assert shown[0] not in again
    assert [row["email"] for row in server.rows("SELECT email FROM users")] == ["demo@example.com"]
    with server:
        pair = {"email": "demo@example.com", "password": shown[0]}
        assert requests.post(f"{server.url}/api/auth/sign-in/email", json=pair, timeout=30).ok


def test_demo_keys_that_were_revoked_are_not_replaced(fresh) -> None:
    fresh.flask("prepare", "--demo-keys")
    for row in listed(fresh):
        fresh.flask("keys", "revoke", row[0])
    assert re.findall(KEY, fresh.flask("prepare", "--demo-keys").stdout) == []
    assert [row[4] for row in listed(fresh)] == ["revoked", "revoked"]


def test_a_preparation_without_demo_keys_makes_none_and_says_nothing(fresh) -> None:
    ran = fresh.flask("prepare")
    assert (ran.stdout, ran.stderr) == ("", "")
    assert listed(fresh) == []


@pytest.mark.parametrize("name", ["a b", "100%", "what?x=1", "hash#tag", "m\u00fcll"])
def test_the_home_folder_may_have_any_name_and_holds_the_database(tmp_path, configured, name) -> None:
    home = tmp_path / name
    configured(env={"PARLANCE_HOME": str(home)}).flask("prepare")
    assert {path.name for path in home.iterdir()} >= {"secret_key", "parlance.db"}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_a_public_agent_the_first_keys_are_for_the_first_agent(configured) -> None:
    server = configured(config=CONFIG.replace("public = true", ""))
    assert "for the agent 'open'" in server.flask("prepare", "--demo-keys").stdout


@pytest.mark.parametrize("kind", ["widget", "secret"])
def test_creating_a_key_prints_the_key_and_nothing_else(prepared, kind) -> None:
    ran = prepared.flask("keys", "create", "--agent", "site", "--kind", kind, "--name", f"my {kind}")
    assert re.fullmatch(KEY + "\n", ran.stdout)
    assert ran.stderr == ""
    row = listed(prepared)[-1]
    assert [row[1], row[2], *row[4:]] == [kind, "site", "active", "any origin", "0 credits", f"my {kind}"]
    assert re.fullmatch(r"[0-9a-f]{32}", row[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", row[3])


def test_origins_are_kept_as_browsers_write_them(prepared) -> None:
    origins = [
        "--origin",
        "https://Example.com/",
        "--origin",
        "http://localhost:3000",
        "--require-origin",
        "--name",
        "bound",
    ]
    prepared.flask("keys", "create", "--agent", "open", "--kind", "widget", *origins)
    assert listed(prepared)[-1][5] == "https://example.com,http://localhost:3000"
    assert [row[0] for row in prepared.rows("SELECT name FROM keys WHERE require_origin")] == ["bound"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--agent", "nobody", "--kind", "secret"], "There is no agent 'nobody'; there are: open, frank, site."),
        (["--agent", "open", "--kind", "golden"], "'golden' is not one of 'widget', 'secret'"),
        (["--agent", "open"], "Missing option '--kind'"),
        (["--kind", "secret"], "Missing option '--agent'"),
        (["--agent", "open", "--kind", "secret", "--origin", "https://a.example"], "Only widget keys are bound to"),
        (["--agent", "open", "--kind", "secret", "--require-origin"], "Only widget keys are bound to origins."),
        (["--agent", "open", "--kind", "widget", "--require-origin"], "--require-origin needs at least one --origin."),
        (["--agent", "open", "--kind", "widget", "--origin", "example.com"], "'example.com' is not an origin such as"),
        (["--agent", "open", "--kind", "widget", "--origin", "*"], "'*' is not an origin such as https://example.com"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_key_that_could_not_work_is_not_made(prepared, options, reason) -> None:
    before = prepared.rows("SELECT count(*) FROM keys")[0][0]
    ran = prepared.flask("keys", "create", *options, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert reason in ran.stderr
    assert prepared.rows("SELECT count(*) FROM keys")[0][0] == before


AGENTS = """open	scripted	calculator,clock,knowledge	5 files	no workflow	public
frank	builtin,scripted	calculator,look (the caller's)	no knowledge	plan	with a key
site	builtin	no tools	1 file	no workflow	with a key
"""


def test_agents_are_listed_as_they_are_configured_before_there_is_a_database(tmp_path, configured) -> None:
    (tmp_path / "plan.yaml").write_text(
        "{id: 5f0c3a4e-8c1b-4d5e-9a53-1f6f6a0f2b11, name: plan, steps: [{id: a, say: x}]}"
    )
    frank = 'model = ["builtin", "scripted"]\nworkflow = "plan"\nclient_tools.look.description = "Looks."\n'
    site = 'tools = ["calculator", "clock", "knowledge"]\nknowledge = ["knowledge/*.md"]\n\n[limits]'
    changes = {
        'model = "scripted"\ntools = ["calculator"]\n': f'{frank}tools = ["calculator"]\n',
        site: f'knowledge = ["knowledge/about.md"]\n\n[workflows]\nfiles = ["{tmp_path}/plan.yaml"]\n\n[limits]',
    }
    ran = configured(changes=changes).flask("agents", "check")
    assert (ran.stdout, ran.stderr) == (AGENTS, "")


def test_mistakes_of_agents_are_named_and_end_their_check_with_status_2(configured) -> None:
    changes = {'"builtin"\ntools': '"builtni"\ntools', 'tools = ["calculator"]\nallow': 'tools = ["calc"]\nallow'}
    ran = configured(changes=changes).flask("agents", "check", check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    first, *named = ran.stderr.splitlines()
    assert first == "Parlance cannot start. Please correct:"
    assert sorted(each.split(": ")[1] for each in named) == ["agents.frank.tools.0", "agents.site.model"]


def test_revoking_a_key_says_nothing_and_works_once(prepared) -> None:
    prepared.key("secret")
    key_id = next(row[0] for row in listed(prepared) if row[4] == "active")
    ran = prepared.flask("keys", "revoke", key_id)
    assert (ran.stdout, ran.stderr) == ("", "")
    assert {row[0]: row[4] for row in listed(prepared)}[key_id] == "revoked"
    again = prepared.flask("keys", "revoke", key_id, check=False)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"Error: There is no active key '{key_id}'.\n"


def test_rotating_a_key_prints_the_new_one_and_nothing_else(prepared) -> None:
    old = prepared.key("secret")
    row = listed(prepared)[-1]
    ran = prepared.flask("keys", "rotate", row[0])
    assert re.fullmatch(KEY + "\n", ran.stdout)
    assert (ran.stdout[:3], ran.stderr) == ("sk_", "")
    assert ran.stdout.strip() != old
    assert listed(prepared)[-1] == row
    prepared.flask("keys", "revoke", row[0])
    for wrong in (row[0], "x"):
        again = prepared.flask("keys", "rotate", wrong, check=False)
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr == f"Error: There is no active key '{wrong}'.\n"


@pytest.mark.parametrize(
    "command",
    [["list"], ["create", "--agent", "open", "--kind", "secret"], ["revoke", "x"], ["rotate", "x"]],
    ids=lambda command: command[0],
)
def test_a_database_that_was_never_prepared_is_told_without_a_traceback(fresh, command) -> None:
    ran = fresh.flask("keys", *command, check=False)
    assert ran.returncode != 0
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    assert "flask prepare" in ran.stderr
