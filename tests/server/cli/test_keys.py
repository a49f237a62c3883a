"""`flask keys`: what goes to standard output, and what is refused."""

import re

import pytest
from support.agents import Client, keys
from support.keys import KEY, listed

from app.store.tables import now
from app.testing.server import eventually


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
        (["--agent", "open", "--kind", "secret", "--name", "shop\nanother\tkey"], "--name must be one line of text."),
        (["--agent", "open", "--kind", "secret", "--credits", f"{10**15 + 1}"], "is not in the range 0<=x<="),
        (["--agent", "open", "--kind", "golden"], "'golden' is not one of 'widget', 'secret'"),
        (["--agent", "open"], "Missing option '--kind'"),
        (["--kind", "secret"], "Missing option '--agent'"),
        (["--agent", "open", "--kind", "secret", "--origin", "https://a.example"], "Only widget keys are bound to"),
        (["--agent", "open", "--kind", "secret", "--require-origin"], "Only widget keys are bound to origins."),
        (["--agent", "open", "--kind", "widget", "--require-origin"], "--require-origin needs at least one --origin."),
        (["--agent", "open", "--kind", "widget", "--origin", "example.com"], "'example.com' is not an origin such as"),
        (["--agent", "open", "--kind", "secret", "--expires", "2020-01-31"], "--expires is over already"),
        (["--agent", "open", "--kind", "secret", "--expires", "soon"], "'soon' does not match the formats"),
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


def test_what_a_key_may_is_changed_option_by_option_and_says_nothing(prepared) -> None:
    prepared.key("widget", "open", "--origin", "https://a.example", "--require-origin", "--credits", "5")
    key_id = listed(prepared)[-1][0]
    for options, column, shown in (
        (["--name", "shop"], 7, "shop"),
        (
            ["--origin", "https://B.example/", "--origin", "http://localhost:3000"],
            5,
            "https://b.example,http://localhost:3000",
        ),
        (["--any-origin", "--no-require-origin"], 5, "any origin"),
        (["--credits", "7"], 6, "0 of 7 credits"),
        (["--no-budget"], 6, "0 credits"),
        (["--expires", "2099-12-31"], 4, "active until 2099-12-31 00:00"),
        (["--expires", "2099-12-31T18:05"], 4, "active until 2099-12-31 18:05"),
        (["--no-expiry"], 4, "active"),
        (["--origin", "https://a.example", "--require-origin"], 5, "https://a.example"),
    ):
        before = listed(prepared)[-1]
        ran = prepared.flask("keys", "update", key_id, *options)
        assert (ran.stdout, ran.stderr) == ("", "")
        expected = [*before[:column], shown, *before[column + 1 :]]
        assert listed(prepared)[-1] == expected
    assert prepared.rows(f"SELECT require_origin FROM keys WHERE id = '{key_id}'")[0][0]


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("secret", [], "Nothing is to be changed: name an option."),
        ("secret", ["--origin", "https://a.example"], "Only widget keys are bound to origins."),
        ("secret", ["--any-origin"], "Only widget keys are bound to origins."),
        ("secret", ["--require-origin"], "Only widget keys are bound to origins."),
        ("widget", ["--require-origin"], "--require-origin needs at least one --origin."),
        ("widget", ["--origin", "https://a.example", "--any-origin"], "--origin and --any-origin cannot go together."),
        ("widget", ["--any-origin", "--require-origin"], "--require-origin needs at least one --origin."),
        ("widget", ["--origin", "example.com"], "'example.com' is not an origin such as"),
        ("secret", ["--credits", "1", "--no-budget"], "--credits and --no-budget cannot go together."),
        ("secret", ["--credits", "-1"], "is not in the range 0<=x<="),
        ("secret", ["--expires", "2099-01-01", "--no-expiry"], "--expires and --no-expiry cannot go together."),
        ("secret", ["--expires", "2020-01-01"], "--expires is over already"),
        ("secret", ["--name", "n" * 129], "--name may have 128 characters."),
        ("secret", ["--name", "shop\nanother\tkey"], "--name must be one line of text."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_key_is_not_changed_into_one_that_could_not_work(prepared, kind, options, reason) -> None:
    prepared.key(kind)
    before = listed(prepared)
    ran = prepared.flask("keys", "update", before[-1][0], *options, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert reason in ran.stderr
    assert listed(prepared) == before


def test_a_revoked_key_and_one_that_there_is_not_are_not_changed(prepared) -> None:
    prepared.key("secret")
    key_id = listed(prepared)[-1][0]
    prepared.flask("keys", "revoke", key_id)
    for wrong in (key_id, "x"):
        ran = prepared.flask("keys", "update", wrong, "--name", "y", check=False)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr == f"Error: There is no key '{wrong}', or it was revoked.\n"


def test_callers_with_an_expired_key_are_answered_as_those_with_a_revoked_one(server) -> None:
    client = Client(server, keys(server).create("secret", "open", expires_at=now() + 1500))
    revoked = Client.new(server)
    assert client.call("GET", "/conversations").status_code == 200
    server.flask("keys", "revoke", keys(server).find(revoked.key.encode()).id)
    eventually(lambda: client.call("GET", "/conversations").status_code == 401, 4)
    expired, other = (each.call("GET", "/conversations") for each in (client, revoked))
    assert (expired.status_code, expired.json()) == (other.status_code, other.json())
    row = next(row for row in reversed(listed(server)) if row[4] == "expired")
    server.flask("keys", "update", row[0], "--no-expiry")
    eventually(lambda: client.call("GET", "/conversations").status_code == 200, 3)


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
