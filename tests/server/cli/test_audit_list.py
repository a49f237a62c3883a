"""`flask audit list`: who did what, as text and as JSON."""

import getpass
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from app.store.audit import record
from app.store.database import Database


@pytest.fixture
def changed(prepared) -> str:
    """The id of a key that was made and revoked."""
    prepared.flask("keys", "create", "--agent", "open", "--kind", "secret", "--name", "a b")
    key_id: str = prepared.rows("SELECT id FROM keys ORDER BY created_at DESC")[0][0]
    prepared.flask("keys", "revoke", key_id)
    return key_id


def test_each_deed_is_a_line(prepared, changed) -> None:
    lines = [line.split("\t") for line in prepared.flask("audit", "list").stdout.splitlines()]
    made, revoked = (line for line in lines if line[3] == changed)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", made[0])
    assert [made[1:3], revoked[1:]] == [
        [f"command line: {getpass.getuser()}", "key.created"],
        [f"command line: {getpass.getuser()}", "key.revoked", changed, ""],
    ]
    assert json.loads(made[4])["name"] == "a b"


def test_what_an_earlier_version_took_for_a_name_is_one_line_too(prepared, changed) -> None:
    deed = {"name": "a\tb\x1b[31m\nc"}
    Database(prepared.store_url).write(lambda connection: record(connection, "one\ttwo", "key.updated", changed, deed))
    (line,) = (each for each in prepared.flask("audit", "list").stdout.splitlines() if "key.updated" in each)
    _, actor, *_, details = line.split("\t")
    assert (actor, json.loads(details)) == ("one two", deed)
    assert "\x1b" not in line


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
