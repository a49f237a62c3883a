"""Visitors for whom a site vouches: their history follows them, and is nobody else's."""

import json
import time
from typing import Any

import pytest
import requests
from support.users import Person
from support.visitors import chat, history, id_of, signed

from app.testing.server import eventually, new_session_id
from app.web.callers.visitors import owner_of

YEAR = 366 * 24 * 3600


@pytest.fixture(scope="module")
def key_id(server, widget_key) -> str:
    """Of the shared widget key."""
    return id_of(server, widget_key)


@pytest.fixture(scope="module")
def secret(server, key_id) -> str:
    return server.flask("keys", "visitor-secret", key_id).stdout.strip()


def test_a_history_follows_its_visitor(server, widget_key, secret) -> None:
    ada, name = signed(secret, "ada@example.com"), new_session_id()
    assert history(server, widget_key, ada).json() == {"sessionId": None, "messages": []}
    assert chat(server, widget_key, ada, "hello", name).status_code == 200
    found = history(server, widget_key, signed(secret, "ada@example.com", time.time() + 3600)).json()
    assert found["sessionId"] == name
    assert [(each["role"], each["message"], each["status"]) for each in found["messages"]] == [
        ("user", "hello", "complete"),
        ("assistant", "Hello", "complete"),
    ]
    assert all(abs(each["createdAt"] / 1000 - time.time()) < 60 for each in found["messages"])


def test_of_several_conversations_the_latest_is_read_back_or_the_one_that_is_named(server, widget_key, secret) -> None:
    token, first, second = signed(secret, "carol"), new_session_id(), new_session_id()
    for name, text in ((first, "one"), (second, "two"), (first, "three")):
        assert chat(server, widget_key, token, text, name).status_code == 200
    said = [each["message"] for each in history(server, widget_key, token).json()["messages"] if each["role"] == "user"]
    assert said == ["one", "three"]
    named = history(server, widget_key, token, sessionId=second).json()
    assert (named["sessionId"], named["messages"][0]["message"]) == (second, "two")
    assert history(server, widget_key, token, sessionId=new_session_id()).json()["messages"] == []


def test_nobody_else_reads_or_continues_it(server, widget_key, secret) -> None:
    name = new_session_id()
    assert chat(server, widget_key, signed(secret, "dora"), "my secret", name).status_code == 200
    for token in (signed(secret, "emil"), signed(secret, "Dora")):
        assert history(server, widget_key, token, sessionId=name).json() == {"sessionId": None, "messages": []}
    assert chat(server, widget_key, None, "and then?", name).json()["conversationId"] != ""
    owners = {row["owner"] for row in server.rows("SELECT owner FROM conversations WHERE external_id = ?", name)}
    assert len(owners) == 2, "the same session's name without the visitor is another conversation"
    other = server.key("widget")
    assert history(server, other, signed(secret, "dora")).status_code == 401, "signed for another key"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda secret: signed(secret, "ada", time.time() - 1),
        lambda secret: signed(secret, "ada", time.time() + YEAR + 60),
        lambda _secret: signed("wrong", "ada"),
        lambda secret: signed(secret, "ada").replace(".ada", ".bob"),
        lambda secret: "9" + signed(secret, "ada"),
        lambda secret: signed(secret, "ada").upper(),
        lambda secret: signed(secret, "a" * 129),
        lambda secret: signed(secret, "white space"),
        lambda _secret: "",
        lambda _secret: "ada",
        lambda secret: f"{signed(secret, 'ada')}.",
    ],
)
def test_what_is_not_signed_for_now_is_no_visitor(server, widget_key, secret, spoil) -> None:
    token = spoil(secret)
    assert history(server, widget_key, token).json() == {"error": "Unauthorized"}
    answer = requests.post(
        f"{server.url}/chat",
        json={"sessionId": new_session_id(), "message": "hi"},
        headers={"x-api-key": widget_key, "x-visitor": token},
        timeout=30,
    )
    assert (answer.status_code, answer.json()) == (401, {"error": "Unauthorized"})


def test_a_history_needs_a_visitor(server, widget_key, secret_key) -> None:
    assert history(server, widget_key, None).status_code == 401
    assert history(server, secret_key, None).status_code == 401
    assert history(server, "wk_wrong", "x").status_code == 401


def test_what_a_visitor_said_is_exported_and_erased_under_the_sites_own_name(server, widget_key, secret) -> None:
    token = signed(secret, "erase-me")
    assert chat(server, widget_key, token, "hello").status_code == 200
    assert '"hello"' in server.flask("conversations", "export", "--agent", "open", "--user", "erase-me").stdout
    assert server.flask("conversations", "erase", "--user", "erase-me").stdout.strip() == "1"
    assert history(server, widget_key, token).json()["messages"] == []


def test_a_rotated_key_keeps_its_visitors_histories_under_a_new_key_and_a_new_secret(server) -> None:
    old = server.key("widget")
    key_id = id_of(server, old)
    old_secret = server.flask("keys", "visitor-secret", key_id).stdout.strip()
    name, unnamed = new_session_id(), new_session_id()
    assert chat(server, old, signed(old_secret, "ada"), "hello", name).status_code == 200
    assert chat(server, old, None, "hello", unnamed).status_code == 200
    new = server.flask("keys", "rotate", key_id).stdout.strip()
    assert eventually(lambda: history(server, old, signed(old_secret, "ada")).status_code == 401, seconds=10)
    assert history(server, new, signed(old_secret, "ada")).status_code == 401, "who knows the old secret is no visitor"
    new_secret = server.flask("keys", "visitor-secret", key_id).stdout.strip()
    assert new_secret != old_secret
    found = history(server, new, signed(new_secret, "ada")).json()
    assert (found["sessionId"], [each["message"] for each in found["messages"]]) == (name, ["hello", "Hello"])
    again = chat(server, new, None, "and then?", unnamed).json()["conversationId"]
    assert len(server.messages(again)) == 4, "sessions go on too"


def exported(server, user: str) -> list[dict[str, Any]]:
    printed = server.flask("conversations", "export", "--agent", "open", "--user", user).stdout
    return [json.loads(line) for line in printed.splitlines()]


def test_an_export_tells_who_signed_in_who_was_signed_for_and_who_was_only_named(server) -> None:
    """A widget key stands in a public page: with it anybody can name anybody."""
    key, secret_key = server.key("widget"), server.key("secret")
    secret = server.flask("keys", "visitor-secret", id_of(server, key)).stdout.strip()
    chat(server, key, signed(secret, "grace"), "it is me")
    for mine, text in ((key, "it is not"), (secret_key, "her back end says so")):
        body, headers = {"message": text, "userId": "grace", "stream": False}, {"Authorization": f"Bearer {mine}"}
        url = f"{server.url}/api/v2/agents/open/chat"
        assert requests.post(url, json=body, headers=headers, timeout=30).status_code == 200
    told = {
        each["messages"][0]["parts"][0]["text"]: (each["channel"], each["owner"]) for each in exported(server, "grace")
    }
    assert told.pop("it is me") == ("widget", owner_of(id_of(server, key), "grace"))
    assert told == {
        "it is not": ("agents", f"key:{id_of(server, key)}"),
        "her back end says so": ("agents", f"key:{id_of(server, secret_key)}"),
    }
    assert told["it is not"] != told["her back end says so"]

    person = Person.new(server)
    person.ask(person.chat(), "hello")
    (theirs,) = exported(server, person.id.replace("-", ""))
    assert (theirs["channel"], theirs["owner"]) == ("chats", f"user:{theirs['end_user']}")


@pytest.fixture(scope="module")
def strict_key(server) -> str:
    """Good for this server's own pages and for a shop's, and for nobody who names no origin."""
    return server.key("widget", "open", "--origin", server.url, "--origin", "https://shop.example", "--require-origin")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Host": "shop.example"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Host": "localhost"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Host": "a b"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({}, 403),
        ({"Origin": "https://shop.example"}, 200),
    ],
    ids=str,
)
def test_a_page_of_the_server_itself_names_no_origin_when_it_reads(server, strict_key, headers, status) -> None:
    secret = server.flask("keys", "visitor-secret", id_of(server, strict_key)).stdout.strip()
    given = {"x-api-key": strict_key, "x-visitor": signed(secret, "ada"), **headers}
    assert requests.get(f"{server.url}/v1/chat/history", headers=given, timeout=30).status_code == status


def test_a_browser_reads_a_history_from_the_origin_that_it_is_at(server, strict_key, browser) -> None:
    secret = server.flask("keys", "visitor-secret", id_of(server, strict_key)).stdout.strip()
    headers = json.dumps({"x-api-key": strict_key, "x-visitor": signed(secret, "ada")})
    browser.open(f"{server.url}/")
    browser.until("document.readyState === 'complete'")
    assert browser.evaluate(f"fetch('/v1/chat/history', {{ headers: {headers} }}).then(each => each.status)") == 200


def test_only_an_active_widget_key_has_a_secret_for_visitors(server, secret_key, key_id) -> None:
    for wrong in (id_of(server, secret_key), "nothing"):
        assert server.flask("keys", "visitor-secret", wrong, check=False).returncode == 1
    assert (
        server.flask("keys", "visitor-secret", key_id).stdout == server.flask("keys", "visitor-secret", key_id).stdout
    )


def test_a_long_history_is_read_back_page_by_page_within_its_conversation(server, widget_key, secret) -> None:
    token, name = signed(secret, "dora"), new_session_id()
    for number in range(3):
        assert chat(server, widget_key, token, f"{number}", name).status_code == 200
    last = history(server, widget_key, token, limit="2").json()
    assert chat(server, widget_key, token, "elsewhere", new_session_id()).status_code == 200
    middle = history(server, widget_key, token, limit="2", cursor=last["nextCursor"]).json()
    first = history(server, widget_key, token, limit="2", cursor=middle["nextCursor"]).json()
    assert [page["sessionId"] for page in (last, middle, first)] == [name] * 3
    asked = [[each["message"] for each in page["messages"] if each["role"] == "user"] for page in (last, middle, first)]
    assert asked == [["2"], ["1"], ["0"]]
    assert "nextCursor" not in first
    assert len(history(server, widget_key, token, sessionId=name).json()["messages"]) == 6
    other = signed(secret, "emil")
    for query in (
        {"cursor": "x"}, {"limit": "0"}, {"limit": "101"},
        {"cursor": last["nextCursor"], "sessionId": name},  # it is one of the latest conversation, whichever that was
    ):  # fmt: skip
        assert history(server, widget_key, token, **query).status_code == 400
    assert history(server, widget_key, other, cursor=last["nextCursor"]).status_code == 400
