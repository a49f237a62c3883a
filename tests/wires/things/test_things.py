"""Signing in at /login, and a user's own things at /stuff."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests

from app.testing.server import Server

PASSWORD = "correct horse"
DENIED = {"code": 401, "message": "Access denied: invalid authentication token."}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("things")) as running:
        yield running


@pytest.fixture(scope="module")
def make_user(server):
    def make(email: str) -> str:
        made = server.flask("users", "create", "--email", email, "--password-stdin", stdin=f"{PASSWORD}\n")
        return made.stdout.strip()

    return make


@pytest.fixture(scope="module")
def ada(server, make_user) -> dict[str, str]:
    """The headers of someone who has signed in."""
    make_user("ada@example.com")
    return token_of(server, "ada@example.com")


@pytest.fixture(scope="module")
def bob(server, make_user) -> dict[str, str]:
    make_user("bob@example.com")
    return token_of(server, "bob@example.com")


def login(server: Server, email: str, password: str = PASSWORD) -> requests.Response:
    return requests.post(f"{server.url}/login", json={"email": email, "password": password}, timeout=30)


def token_of(server: Server, email: str) -> dict[str, str]:
    response = login(server, email)
    assert response.status_code == 200, response.text
    assert response.headers["Authentication"] == response.json()["token"]
    return {"Authorization": f"Bearer {response.json()['token']}"}


def stuff(server: Server, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> requests.Response:
    return requests.request(method, f"{server.url}/stuff{path}", headers=headers, json=body, timeout=30)


def test_things_are_added_listed_changed_and_removed(server, make_user) -> None:
    make_user("carol@example.com")
    carol = token_of(server, "Carol@Example.com")
    assert stuff(server, "GET", "", carol).json() == []
    added = stuff(server, "POST", "", carol, {"name": "Account", "content": "4711"})
    thing = added.json()
    assert (added.status_code, thing) == (201, {"id": thing["id"], "name": "Account", "content": "4711"})
    second = stuff(server, "POST", "", carol, {"name": "Empty"}).json()
    assert stuff(server, "GET", "", carol).json() == [thing, {**second, "content": ""}]
    changed = stuff(server, "PUT", f"/{thing['id']}", carol, {"name": "Number"})
    assert changed.json() == [{**thing, "name": "Number"}, second], "what is not given stays"
    removed = stuff(server, "DELETE", f"/{thing['id']}", carol)
    assert removed.json() == {"code": 200, "message": f"Your thing (id: {thing['id']}) was deleted"}
    assert stuff(server, "GET", "", carol).json() == [second]


def test_no_cache_keeps_whats_a_users_whichever_header_has_the_token(server, ada) -> None:
    authentication = {"Authentication": ada["Authorization"]}
    answers = [stuff(server, "GET", "", headers) for headers in (ada, authentication, {})]
    assert [each.status_code for each in answers] == [200, 200, 401]
    assert {each.headers["Cache-Control"] for each in [*answers, login(server, "ada@example.com")]} == {"no-store"}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_another_users_thing_and_one_that_never_was_are_the_same_404(server, ada, bob, method) -> None:
    theirs = stuff(server, "POST", "", bob, {"name": "Secret"}).json()["id"]
    answers = [stuff(server, method, f"/{each}", ada, {"name": "Mine"}) for each in (theirs, 999_999, 2**63, 10**30)]
    assert {(each.status_code, each.text) for each in answers} == {(404, '{"code":404,"message":"Not found"}')}
    assert {"id": theirs, "name": "Secret", "content": ""} in stuff(server, "GET", "", bob).json()
    assert theirs not in [thing["id"] for thing in stuff(server, "GET", "", ada).json()]


@pytest.mark.parametrize(
    "body", [None, {}, [], {"name": ""}, {"name": "  "}, {"name": 5}, {"content": "x"}, {"name": "a", "extra": 1}]
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_thing_that_is_none_is_400(server, ada, method, body) -> None:
    kept = stuff(server, "POST", "", ada, {"name": "Kept"}).json()
    path = f"/{kept['id']}" if method == "PUT" else ""
    response = stuff(server, method, path, {**ada, "Content-Type": "application/json"}, body)
    assert response.status_code == 400
    assert set(response.json()) == {"code", "message"}
    assert kept in stuff(server, "GET", "", ada).json()


@pytest.mark.usefixtures("ada")
def test_the_header_that_login_gives_may_be_sent_back_as_it_came(server) -> None:
    given = login(server, "ada@example.com").headers["Authentication"]
    assert stuff(server, "GET", "", {"Authentication": given}).status_code == 200
    for wrong in (f"{given}x", f"Basic {given}", f"{given} {given}", "bearer", "", f"bearer {given}x"):
        response = stuff(server, "GET", "", {"Authentication": wrong})
        assert (response.status_code, response.json()) == (401, DENIED)
    assert stuff(server, "GET", "", {"Authorization": given}).status_code == 401, "there a scheme is needed"


@pytest.mark.parametrize("header", ["Authorization", "Authentication"])
@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_the_token_is_taken_from_either_header_in_any_case(server, ada, header, word) -> None:
    token = ada["Authorization"].removeprefix("Bearer ")
    assert stuff(server, "GET", "", {header: f"{word} {token}"}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic x"}, {"Authorization": "Bearer wrong"}]
)
def test_without_a_token_that_works_everything_is_401(server, headers) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("PUT", "/1"), ("DELETE", "/1")):
        response = stuff(server, method, path, headers, {"name": "x"})
        assert (response.status_code, response.json()) == (401, DENIED)
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Authorization", "Authentication"])
def test_signing_out_ends_this_session_and_no_other(server, ada, header) -> None:
    leaving = {header: token_of(server, "ada@example.com")["Authorization"]}
    out = requests.post(f"{server.url}/logout", headers=leaving, timeout=30)
    assert (out.status_code, out.json()) == (200, {"code": 200, "message": "You are signed out"})
    assert out.headers["Cache-Control"] == "no-store"
    assert stuff(server, "GET", "", leaving).status_code == 401
    again = requests.post(f"{server.url}/logout", headers=leaving, timeout=30)
    assert (again.status_code, again.json()) == (401, DENIED)
    assert requests.get(f"{server.url}/logout", headers=ada, timeout=30).status_code == 405
    assert stuff(server, "GET", "", ada).status_code == 200


def test_a_key_is_no_token(server) -> None:
    headers = {"Authorization": f"Bearer {server.key('secret')}"}
    assert stuff(server, "GET", "", headers).status_code == 401


def test_tokens_and_passwords_are_stored_hashed(server, ada) -> None:
    token = ada["Authorization"].removeprefix("Bearer ")
    kept = b"".join(path.read_bytes() for path in server.database.parent.glob("parlance.db*") if path.is_file())
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept
    assert server.rows("SELECT password FROM users")[0]["password"].startswith("$argon2id$")


def test_a_disabled_user_is_out_at_once_and_cannot_come_back(server, make_user) -> None:
    make_user("dave@example.com")
    dave = token_of(server, "dave@example.com")
    server.flask("users", "disable", "--email", "dave@example.com")
    assert stuff(server, "GET", "", dave).status_code == 401
    assert login(server, "dave@example.com").status_code == 401
    states = {line.split("\t")[1]: line.split("\t")[3] for line in server.flask("users", "list").stdout.splitlines()}
    assert states["dave@example.com"] == "disabled"


def test_an_expired_session_is_401(server, make_user) -> None:
    make_user("erin@example.com")
    erin = token_of(server, "erin@example.com")
    server.write(
        "UPDATE sessions SET expires_at = 1 WHERE user_id = (SELECT id FROM users WHERE email = 'erin@example.com')"
    )
    assert stuff(server, "GET", "", erin).status_code == 401


def test_a_wrong_pair_takes_as_long_whether_or_not_there_is_such_a_user(tmp_path) -> None:
    with Server(tmp_path) as server:
        server.flask("users", "create", "--email", "ada@example.com", "--password-stdin", stdin=f"{PASSWORD}\n")
        login(server, "warm@example.com")
        took: dict[str, list[float]] = {"ada@example.com": [], "nobody@example.com": []}
        for email in [*took] * 4:
            started = time.monotonic()
            assert login(server, email, "wrong").status_code == 401
            took[email].append(time.monotonic() - started)
        known, unknown = (min(each) for each in took.values())
        assert known / 3 < unknown < known * 3
        tried = [login(server, "ada@example.com", "").status_code for _ in range(22)]
        assert tried == [400] * 21 + [429], "thirty a minute for an address, whatever the body"
        assert login(server, "ada@example.com").status_code == 429


def test_a_user_has_so_many_things_and_no_more(server, make_user) -> None:
    user_id = make_user("gina@example.com")
    gina = token_of(server, "gina@example.com")
    rows = [(user_id, f"{number}", "") for number in range(999)]
    server.write("INSERT INTO things (user_id, name, content) VALUES (?, ?, ?)", *rows)
    assert stuff(server, "POST", "", gina, {"name": "The last"}).status_code == 201
    refused = stuff(server, "POST", "", gina, {"name": "One more"})
    assert (refused.status_code, refused.json()["message"]) == (400, "You have 1000 things, which is the most.")
    last = stuff(server, "GET", "", gina).json()[-1]["id"]
    assert stuff(server, "DELETE", f"/{last}", gina).ok
    assert stuff(server, "POST", "", gina, {"name": "Another"}).status_code == 201
