"""Who did what: recorded with what was done, or not at all; read in order; forgotten in time."""

import getpass
import json

import pytest
from sqlalchemy import insert
from support.database import rows

from app.engine.errors import ChatError
from app.store import audit
from app.store.audit import command_line, deeds, forget, record
from app.store.keys import KeyStore
from app.store.tables import audit as audit_rows
from app.store.users import UserStore


def seen(database) -> list[tuple[str, str, str | None]]:
    return [(each.actor, each.action, each.object) for each in deeds(database)]


def test_the_command_line_is_told_with_the_systems_name_of_who_gave_the_command() -> None:
    assert command_line() == f"command line: {getpass.getuser()}"


def test_what_is_done_to_keys_is_recorded_with_what_was_set_and_without_their_texts(database) -> None:
    keys = KeyStore(database)
    text = keys.create("widget", "demo", "shop", ["https://a.example"], budget=5)
    (key,) = keys.all()
    keys.update(key.id, {"name": "x", "credits": None})
    rotated = keys.rotate(key.id)
    keys.revoke(key.id)
    keys.revoke(key.id)
    found = [*deeds(database)]
    assert sorted(each.action for each in found) == ["key.created", "key.revoked", "key.rotated", "key.updated"]
    assert {(each.actor, each.object) for each in found} == {(command_line(), key.id)}
    details = {each.action: each.details for each in found}
    assert details["key.updated"] == {"name": "x", "credits": None}
    assert details["key.created"] == {
        "kind": "widget",
        "agent": "demo",
        "name": "shop",
        "origins": ["https://a.example"],
        "require_origin": False,
        "credits": 5,
        "expires_at": None,
    }
    written = json.dumps([each.details for each in found])
    assert not any(secret in written for secret in (text, rotated, key.hash))


def test_who_signs_up_is_recorded_as_the_one_who_did_so_and_without_an_address(database) -> None:
    users = UserStore(database)
    user = users.create("ada@example.com", "correct horse", "Ada")
    assert users.disable("ada@example.com")
    assert not users.disable("ada@example.com")
    assert users.enable("ada@example.com")
    with pytest.raises(ChatError):
        users.create("ada@example.com", "correct horse", actor=command_line())
    assert sorted(seen(database)) == [
        (command_line(), "user.disabled", user.id),
        (command_line(), "user.enabled", user.id),
        (f"user:{user.id}", "user.created", user.id),
    ]
    assert not any(each.details for each in deeds(database))


def test_what_is_not_done_is_not_recorded(database) -> None:
    def fail(connection) -> None:
        record(connection, "test", "key.revoked", "k")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(fail)
    assert seen(database) == []


def test_deeds_are_read_page_by_page_from_a_time_on_and_the_oldest_are_forgotten(database) -> None:
    many = [
        {"id": f"{n:032d}", "at": n // 3, "actor": "test", "action": "key.created", "object": f"{n}", "details": {}}
        for n in range(2 * audit._PAGE + 10)
    ]
    database.write(lambda connection: connection.execute(insert(audit_rows), many))
    assert [each.object for each in deeds(database)] == [f"{n}" for n in range(len(many))]
    assert next(deeds(database, 5)).object == "15"
    assert [database.write(lambda connection: forget(connection, 10, 25)) for _ in range(3)] == [25, 5, 0]
    assert rows(database, "SELECT min(at) FROM audit") == [(10,)]
