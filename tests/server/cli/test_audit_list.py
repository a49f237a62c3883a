"""`flask audit list`: who did what, as text and as JSON."""

import getpass
import json
import re
from datetime import UTC, datetime, timedelta

import pytest


@pytest.fixture
def changed(prepared) -> str:
    """The id of a key that was made and revoked."""
    prepared.flask("keys", "create", "--agent", "open", "--kind", "secret", "--name", "a\tb\x1b[31m")
    key_id: str = prepared.rows("SELECT id FROM keys ORDER BY created_at DESC")[0][0]
    prepared.flask("keys", "revoke", key_id)
    return key_id


def test_each_deed_is_a_line_and_nothing_in_it_is_obeyed_by_a_terminal(prepared, changed) -> None:
    lines = [line.split("\t") for line in prepared.flask("audit", "list").stdout.splitlines()]
    made, revoked = (line for line in lines if line[3] == changed)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", made[0])
    assert [made[1:3], revoked[1:]] == [
        [f"command line: {getpass.getuser()}", "key.created"],
        [f"command line: {getpass.getuser()}", "key.revoked", changed, ""],
    ]
    assert json.loads(made[4])["name"] == "a\tb\x1b[31m"
    assert "\x1b" not in made[4]


def test_deeds_are_json_from_a_time_on(prepared, changed) -> None:
    printed = prepared.flask("audit", "list", "--json", "--since", "2020-01-31").stdout
    found = [each for each in json.loads(printed) if each["object"] == changed]
    assert [each["action"] for each in found] == ["key.created", "key.revoked"]
    assert set(found[0]) == {"id", "at", "actor", "action", "object", "details"}
    at = datetime.fromisoformat(found[0]["at"])
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert prepared.flask("audit", "list", "--since", "2999-12-31T10:00").stdout == ""
    ran = prepared.flask("audit", "list", "--since", "yesterday", check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
