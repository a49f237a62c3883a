"""Sessions as better-auth's clients know them: what they may send, what they get, and from which pages."""

import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest
import requests
from support.users import AUTH, COOKIE, JSON, Person, anywhere, refusal

from app.store.users import SHORT_SESSION_MILLISECONDS
from app.testing.server import Server

OPS, EVIL = "https://ops.example", "https://evil.example"
PICTURE = "https://ops.example/ada.png"
OTHER_SITE = (403, "Forbidden", "Pages of this origin may not do that")
NOT_JSON = (415, "Unsupported Media Type", "Content-Type must be application/json")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    env = {"PARLANCE_ALLOWED_ORIGINS": OPS}
    with Server(tmp_path_factory.mktemp("better-auth"), env=env) as running:
        yield running


@pytest.fixture
def ada(server) -> Person:
    return Person.new(server)


def attributes(response: requests.Response) -> set[str]:
    """Of the cookie, without its name."""
    return {part.strip().partition("=")[0] for part in response.headers["Set-Cookie"].split(";")} - {COOKIE}


def moment(text: str) -> float:
    assert text.endswith("Z")
    return datetime.fromisoformat(text).timestamp()


def test_the_whole_of_a_user_and_a_session_is_told_but_for_the_token(server) -> None:
    person = Person(server)
    made = person.call("POST", f"{AUTH}/sign-up/email", person.account(name="Ada", image=PICTURE, callbackURL="/home"))
    body = made.json()
    assert set(body) == {"token", "user"}
    assert body["token"] is None
    user = body["user"]
    assert {name: user[name] for name in ("email", "name", "emailVerified", "image")} == {
        "email": person.email,
        "name": "Ada",
        "emailVerified": False,
        "image": PICTURE,
    }
    assert abs(moment(user["createdAt"]) - datetime.now(UTC).timestamp()) < 60
    assert moment(user["updatedAt"]) == moment(user["createdAt"])
    known = person.call("GET", f"{AUTH}/get-session")
    assert known.headers["Cache-Control"] == "no-store"
    assert known.json()["user"] == user
    session = known.json()["session"]
    assert session["userId"] == user["id"]
    assert 13 * 86400 < moment(session["expiresAt"]) - moment(session["createdAt"]) <= 14 * 86400
    again = person.call("GET", f"{AUTH}/get-session").json()["session"]
    assert again["id"] == session["id"]
    assert Person(server, person.email).sign_in().status_code == 200
    assert person.http.cookies[COOKIE] not in known.text


def test_nobody_is_null_and_a_dead_cookie_is_taken_back(server, ada) -> None:
    nobody = anywhere().get(f"{server.url}{AUTH}/get-session", timeout=30)
    assert (nobody.status_code, nobody.text, nobody.headers.get("Set-Cookie")) == (200, "null", None)
    token = ada.http.cookies[COOKIE]
    assert ada.call("POST", f"{AUTH}/sign-out").json() == {"success": True}
    dead = anywhere().get(f"{server.url}{AUTH}/get-session", headers={"Cookie": f"{COOKIE}={token}"}, timeout=30)
    assert (dead.status_code, dead.text) == (200, "null")
    assert dead.headers["Set-Cookie"].startswith(f"{COOKIE}=;")
    assert refusal(ada.call("GET", f"{AUTH}/session")) == (401, "Unauthorized", "Valid session required")


@pytest.mark.parametrize("path", ["sign-in", "sign-up"])
def test_who_is_not_to_be_remembered_has_a_session_that_ends_with_the_browser(server, ada, path) -> None:
    person = Person(server, ada.email) if path == "sign-in" else Person(server)
    opened = person.call("POST", f"{AUTH}/{path}/email", person.account(rememberMe=False))
    assert attributes(opened) == {"HttpOnly", "Path", "SameSite"}, "no time to keep it for"
    session = person.call("GET", f"{AUTH}/get-session").json()["session"]
    lasts = moment(session["expiresAt"]) - moment(session["createdAt"])
    assert lasts * 1000 == pytest.approx(SHORT_SESSION_MILLISECONDS, abs=2000)
    later = person.call("GET", f"{AUTH}/get-session")
    assert "Set-Cookie" not in later.headers, "use does not renew it"
    assert later.json()["session"]["expiresAt"] == session["expiresAt"]
    remembered = Person(server, person.email)
    assert {"Max-Age", "Expires"} <= attributes(
        remembered.call("POST", f"{AUTH}/sign-in/email", remembered.account(rememberMe=True))
    )


@pytest.mark.parametrize("url", ["/", "/home?a=b#c", "/a%20b", f"{OPS}/x", "{own}/x", "{own}"])
def test_a_page_may_go_on_within_the_site_or_at_an_allowed_origin(server, ada, url) -> None:
    url = url.format(own=server.url)
    opened = ada.call("POST", f"{AUTH}/sign-in/email", ada.account(callbackURL=url))
    assert opened.status_code == 200
    assert {name: opened.json()[name] for name in ("redirect", "url", "token")} == {
        "redirect": True,
        "url": url,
        "token": None,
    }
    assert ada.call("POST", f"{AUTH}/sign-out", {"callbackURL": url, "disableRedirect": True}).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        *(EVIL, "//evil.example", "/\\evil.example", "\\\\evil.example", "/%2fevil.example", "/a\n", "/ a", "home"),
        *("javascript:alert(1)", "data:text/html,x", f"{OPS}.evil.example", f"{OPS}@evil.example/", "https:///x"),
        *("https://[", "ftp://ops.example", f" {EVIL}", "https://ops.example:444"),
    ],
)
def test_nobody_is_sent_elsewhere_and_nothing_has_happened(server, ada, url) -> None:
    stranger = Person(server)
    for person, path in ((ada, "sign-in/email"), (stranger, "sign-up/email")):
        refused = person.call("POST", f"{AUTH}/{path}", person.account(callbackURL=url))
        assert refusal(refused) == (403, "Forbidden", "Invalid callbackURL")
        assert refused.json()["code"] == "INVALID_CALLBACK_URL"
        assert "Set-Cookie" not in refused.headers
    assert refusal(ada.call("POST", f"{AUTH}/sign-out", {"callbackURL": url}))[0] == 403
    assert ada.call("GET", f"{AUTH}/session").status_code == 200
    assert stranger.sign_in().status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("sign-in/email", {"password": "wrong horse"}, 401, "INVALID_EMAIL_OR_PASSWORD"),
        ("sign-up/email", {}, 409, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"),
        ("sign-up/email", {"password": "short"}, 400, "PASSWORD_TOO_SHORT"),
        ("sign-up/email", {"password": "x" * 1025}, 400, "PASSWORD_TOO_LONG"),
        ("sign-up/email", {"email": "ada"}, 400, "INVALID_EMAIL"),
        ("sign-up/email", {"image": "javascript:alert(1)"}, 400, "VALIDATION_ERROR"),
        ("sign-in/email", {"rememberMe": "no"}, 400, "VALIDATION_ERROR"),
        ("sign-in/email", {"callbackURL": 1}, 400, "VALIDATION_ERROR"),
        ("sign-in/email", {"image": PICTURE}, 400, "VALIDATION_ERROR"),
        ("nothing", {}, 404, "NOT_FOUND"),
    ],
)
def test_failures_have_a_code_that_programs_know(ada, path, body, status, code) -> None:
    refused = ada.call("POST", f"{AUTH}/{path}", ada.account(**body))
    refusal(refused)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


def bare(person: Person, method: str, path: str, headers: Mapping[str, str] = {}, content: bytes = b"") -> int:
    """The status of a request with these headers alone, and the session's."""
    host, _, port = person.server.url.removeprefix("http://").partition(":")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close"]
    lines += [
        f"Cookie: {COOKIE}={person.http.cookies[COOKIE]}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Length": "0"},
        {"Content-Type": "application/json"},
        {"Origin": "{own}"},
        {"Origin": OPS, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
    ids=str,
)
def test_what_has_no_body_needs_no_type(ada, headers) -> None:
    headers = {name: value.format(own=ada.server.url) for name, value in headers.items()}
    chat = ada.chat()
    assert bare(ada, "DELETE", f"/api/chats/{chat}", headers) == 204
    assert bare(ada, "POST", "/api/chats", headers) == 201
    assert bare(ada, "POST", f"{AUTH}/sign-out", headers) == 200
    assert ada.call("GET", f"{AUTH}/get-session").text == "null"


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Origin": EVIL}, b"", 403),
        ({"Origin": "null"}, b"", 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, b"", 403),
        ({"Sec-Fetch-Site": "cross-site"}, b"", 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, b"", 403),
        ({"Origin": EVIL, "Content-Type": FORM, "Content-Length": "3"}, b"a=b", 403),
        ({"Content-Type": FORM, "Content-Length": "3"}, b"a=b", 415),
        ({"Content-Type": FORM, "Content-Length": "0"}, b"", 415),
        ({"Content-Type": "text/plain"}, b"", 415),
        ({"Content-Type": ""}, b"", 415),
        ({"Content-Length": "2"}, b"{}", 415),
        ({"Transfer-Encoding": "chunked"}, b"2\r\n{}\r\n0\r\n\r\n", 415),
        ({"Transfer-Encoding": "chunked"}, b"0\r\n\r\n", 415),
    ],
    ids=str,
)
def test_what_another_sites_page_could_send_without_asking_changes_nothing(ada, headers, content, status) -> None:
    chat = ada.chat()
    for method, path in (
        ("POST", f"{AUTH}/sign-out"),
        ("POST", "/api/chats"),
        ("POST", f"/api/chats/{chat}/messages"),
        ("DELETE", f"/api/chats/{chat}"),
    ):
        assert bare(ada, method, path, headers, content) == status, path
    assert ada.messages(chat) == []
    found = ada.call("GET", f"/api/users/{ada.id}/chats").json()
    assert found["total"] == 1


def test_what_needs_a_body_says_so_without_one(ada) -> None:
    assert bare(ada, "POST", f"{AUTH}/sign-in/email") == 415
    empty = ada.call("POST", f"{AUTH}/sign-in/email", headers=JSON)
    assert empty.status_code == 400
