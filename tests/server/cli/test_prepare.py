"""`flask prepare`: the database, and keys and a user for a first try."""

import re

import pytest
import requests
from support.keys import KEY, listed

from app.testing.configuration import CONFIG


def test_demo_keys_are_shown_by_the_first_preparation_and_never_again(fresh) -> None:
    first = fresh.flask("prepare", "--demo-keys").stdout
    keys = re.findall(KEY, first)
    assert [key[:3] for key in keys] == ["wk_", "sk_", "wk_"]
    assert keys[2] == keys[0]
    assert re.search(r"on a page, once the server runs: +http://127\.0\.0\.1:8000/#wk_", first)
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


def test_a_preparation_indexes_knowledge_which_the_server_then_uses_as_it_is(configured, tmp_path) -> None:
    (tmp_path / "shop.md").write_text("# Tea\n\nGreen tea from Uji.\n")
    server = configured(changes={'knowledge = ["knowledge/*.md"]': f'knowledge = ["{tmp_path}/*.md"]'})
    server.flask("prepare")
    made = {path: path.stat() for path in (server.database.parent / "knowledge").rglob("*")}
    assert len([path for path in made if path.name == "index"]) == 1
    with server:
        key = {"Authorization": f"Bearer {server.key('secret', 'site')}"}
        asked = {"message": "Where is the green tea from?", "stream": False}
        told = requests.post(f"{server.url}/api/v2/agents/site/chat", json=asked, headers=key, timeout=30)
    assert "Green tea from Uji." in told.text
    assert {path: path.stat().st_mtime_ns for path in made} == {path: each.st_mtime_ns for path, each in made.items()}
    assert "knowledge is indexed" not in server.log_text()
