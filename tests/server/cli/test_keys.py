"""`flask keys`: what goes to standard output, and what is refused."""

import re

import pytest
from support.keys import KEY, listed


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
        (["--agent", "open", "--kind", "secret", "--name", "n" * 129], "--name may have 128 characters."),
        (["--agent", "open", "--kind", "secret", "--credits", f"{10**15 + 1}"], "is not in the range 0<=x<="),
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


def test_no_argument_has_a_nul(prepared) -> None:
    """No shell passes one on; other programs may call the commands."""
    for command in (
        ("keys", "create", "--agent", "open", "--kind", "secret", "--name", "a\0"),
        ("keys", "revoke", "a\0"),
    ):
        ran = prepared.flask(*command, check=False)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "the character NUL" in ran.stderr
