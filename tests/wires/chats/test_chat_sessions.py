"""Signing up, in and out of the chats: the cookie, whose pages may use it, and how often one may try."""

import re
import time
from collections.abc import Iterator, Mapping

import pytest
import requests
from support.users import AUTH, COOKIE, JSON, PASSWORD, Person, address, anywhere, refusal

from app.testing.server import Server, script

DAY = 24 * 3600
HTTPS = {**JSON, "X-Forwarded-Proto": "https"}
HOST_COOKIE = f"__Host-{COOKIE}"
FORTNIGHT = 14 * DAY
OPS, EVIL = "https://ops.example", "https://evil.example"
NO_SESSION = (401, "Unauthorized", "Valid session required")
NO_PAIR = (401, "Unauthorized", "Invalid email or password")


@pytest.fixture
def ada(server) -> Person:
    return Person.new(server)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory) -> Iterator[Server]:
    """Behind a proxy that it trusts, with a page of the operator's; nobody may sign up."""
    env = {"PARLANCE_TRUSTED_HOPS": "1", "PARLANCE_ALLOWED_ORIGINS": OPS}
    with Server(tmp_path_factory.mktemp("proxied"), changes={"sign_up = true\n": ""}, env=env) as running:
        running.key("widget")  # good for any origin
        yield running


@pytest.fixture(scope="module")
def eve(proxied) -> Person:
    """Made by the operator, and signed in."""
    person = Person(proxied, "eve@example.com")
    command = ["users", "create", "--email", person.email, "--name", "Eve", "--password-stdin"]
    proxied.flask(*command, stdin=f"{PASSWORD}\n")
    person.id = person.sign_in().json()["user"]["id"]
    return person


def cookie_of(response: requests.Response) -> dict[str, str]:
    """The attributes of the session's cookie, its token under its name."""
    pairs = [part.strip().partition("=") for part in response.headers["Set-Cookie"].split(";")]
    return {name: value for name, _, value in pairs}


def outlast(server: Server, person: Person, seconds: float) -> None:
    """Have the person's sessions end so many seconds from now."""
    until = int((time.time() + seconds) * 1000)
    who = "SELECT id FROM users WHERE email = ?"
    server.write(f"UPDATE sessions SET expires_at = ? WHERE user_id = ({who})", (until, person.email))


def test_who_signs_up_is_signed_in_with_a_cookie_that_no_page_can_read(server) -> None:
    person = Person(server)
    made = person.call("POST", f"{AUTH}/sign-up/email", person.account(name="Ada Lovelace"))
    user = made.json()["user"]
    assert (made.status_code, user["email"], user["name"]) == (200, person.email, "Ada Lovelace")
    cookie = cookie_of(made)
    assert set(cookie) == {COOKIE, "Expires", "Max-Age", "HttpOnly", "Path", "SameSite"}
    assert (cookie["Path"], cookie["SameSite"]) == ("/", "Lax")
    assert FORTNIGHT - 60 < int(cookie["Max-Age"]) <= FORTNIGHT
    assert made.headers["Cache-Control"] == "no-store"
    assert person.call("GET", f"{AUTH}/session").json() == {"user": user}
    assert cookie[COOKIE] not in made.text, "what no page can read is not in the body either"


def test_signing_out_ends_the_session_on_the_server_and_in_the_browser(server, ada) -> None:
    token = ada.http.cookies[COOKIE]
    out = ada.call("POST", f"{AUTH}/sign-out")
    assert (out.status_code, cookie_of(out)["Max-Age"], ada.http.cookies.get(COOKIE)) == (200, "0", None)
    stale = anywhere().get(f"{server.url}{AUTH}/session", headers={"Cookie": f"{COOKIE}={token}"}, timeout=30)
    assert refusal(stale) == NO_SESSION
    assert ada.call("POST", f"{AUTH}/sign-out").status_code == 200, "once more does no harm"
    assert ada.sign_in().json()["user"]["id"] == ada.id


def test_a_wrong_pair_gives_no_cookie_and_the_same_words_for_everybody(ada, server) -> None:
    for person in (ada, Person(server)):
        wrong = person.sign_in("wrong")
        assert refusal(wrong) == NO_PAIR
        assert "Set-Cookie" not in wrong.headers


def test_an_unknown_user_takes_as_long_as_a_wrong_password(ada, server) -> None:
    stranger = Person(server)
    took: dict[str, list[float]] = {ada.email: [], stranger.email: []}
    for person in [ada, stranger] * 4:
        started = time.monotonic()
        assert refusal(person.sign_in("wrong")) == NO_PAIR
        took[person.email].append(time.monotonic() - started)
    known, unknown = (min(each) for each in took.values())
    assert known / 3 < unknown < known * 3


def test_a_token_is_good_as_a_cookie_only(server, ada) -> None:
    bearer = {"Authorization": f"Bearer {ada.http.cookies[COOKIE]}"}
    assert refusal(anywhere().get(f"{server.url}{AUTH}/session", headers=bearer, timeout=30)) == NO_SESSION


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"password": "1234567"}, "password"),
        ({"password": "x" * 1025}, "password"),
        ({"password": None}, "password"),
        ({"email": "nobody"}, "email"),
        ({"email": "a b@example.com"}, "email"),
        ({"email": "a\u001b@example.com"}, "email"),
        ({"email": "a@" + "b" * 190}, "email"),
        ({"name": "x" * 101}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"admin": True}, "admin"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_account_that_could_not_be_is_refused_at_sign_up_and_on_the_command_line(server, wrong, place) -> None:
    person = Person(server)
    refused = refusal(person.call("POST", f"{AUTH}/sign-up/email", {"data": person.account(**wrong)}))
    assert (refused[:2], refused[2].split(":")[0]) == ((400, "Bad Request"), place)
    account = person.account(**wrong)
    if place != "admin" and None not in account.values() and "\n" not in account.get("name", ""):
        command = ["users", "create", "--email", account["email"], "--name", account.get("name", "")]
        ran = server.flask(*command, "--password-stdin", stdin=f"{account['password']}\n", check=False)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert f"{place}: " in ran.stderr


def test_no_password_with_a_nul_is_set_on_the_command_line(server) -> None:
    for command in ("create", "password"):
        given = ("users", command, "--email", "n@example.com", "--password-stdin")
        ran = server.flask(*given, stdin="long\0enough\n", check=False)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "password: Must not have the character NUL" in ran.stderr


def test_an_address_has_one_account(server, ada) -> None:
    again = Person(server, f" {ada.email.upper()}")
    refused = refusal(again.call("POST", f"{AUTH}/sign-up/email", again.account(password="another password")))
    assert refused == (409, "Conflict", "This address has an account already")
    assert ada.sign_in().status_code == 200


def test_sign_up_is_closed_unless_the_configuration_opens_it(proxied, eve) -> None:
    person = Person(proxied)
    for body in (person.account(), {}):  # nobody is told to correct what is not taken anyway
        assert refusal(person.call("POST", f"{AUTH}/sign-up/email", body)) == (403, "Forbidden", "Sign-up is closed")
    assert eve.call("GET", f"{AUTH}/session").json()["user"]["name"] == "Eve"


def test_behind_https_the_cookie_is_secure_where_the_proxy_is_trusted(proxied, server, eve, ada) -> None:
    path = f"{AUTH}/sign-in/email"
    secure = cookie_of(Person(proxied).call("POST", path, eve.account(), HTTPS))
    assert set(secure) == {HOST_COOKIE, "Expires", "Max-Age", "Secure", "HttpOnly", "Path", "SameSite"}
    assert secure["Path"] == "/"
    for plain in (
        cookie_of(Person(proxied).call("POST", path, eve.account())),
        cookie_of(Person(server).call("POST", path, ada.account(), HTTPS)),
    ):
        assert "Secure" not in plain
        assert COOKIE in plain


def with_cookies(server: Server, headers: Mapping[str, str], *cookies: str) -> int:
    sent = {**headers, "Cookie": "; ".join(cookies)}
    return anywhere().get(f"{server.url}{AUTH}/session", headers=sent, timeout=30).status_code


def test_over_https_only_the_cookie_counts_that_no_other_host_can_plant(proxied, eve) -> None:
    token = eve.http.cookies[COOKIE]
    host, plain = f"{HOST_COOKIE}={token}", f"{COOKIE}={token}"
    assert with_cookies(proxied, HTTPS, host) == 200
    assert with_cookies(proxied, HTTPS, plain) == 401
    assert with_cookies(proxied, HTTPS, f"{COOKIE}=planted", host) == 200
    assert with_cookies(proxied, JSON, host) == 401
    out = Person(proxied).call("POST", f"{AUTH}/sign-out", headers=HTTPS)
    assert {HOST_COOKIE, "Secure"} <= set(cookie_of(out)), "a browser drops nothing else under this name"


@pytest.mark.parametrize(("headers", "name"), [(JSON, COOKIE), (HTTPS, HOST_COOKIE)], ids=["http", "https"])
def test_two_cookies_of_the_name_are_refused_and_signing_out_ends_both(proxied, headers, name) -> None:
    people = [Person(proxied, "eve@example.com") for _ in range(2)]
    own, planted = (
        cookie_of(person.call("POST", f"{AUTH}/sign-in/email", person.account()))[COOKIE] for person in people
    )
    both = f"{name}={own}", f"{name}={planted}"
    for cookies in (both, both[::-1], (both[0], both[0]), (both[0], f"{name}=")):
        assert with_cookies(proxied, headers, *cookies) == 401
    assert [with_cookies(proxied, headers, cookie) for cookie in both] == [200, 200]
    sent = {**headers, "Cookie": "; ".join(both)}
    assert anywhere().post(f"{proxied.url}{AUTH}/sign-out", headers=sent, timeout=30).status_code == 200
    assert [with_cookies(proxied, headers, cookie) for cookie in both] == [401, 401]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_what_changes_something_must_be_json(ada, method, content_type) -> None:
    chat = ada.chat()
    paths = ["/api/chats", f"/api/chats/{chat}/messages", f"/api/chats/{chat}/messages/stream"]
    paths += [f"{AUTH}/sign-in/email", f"{AUTH}/sign-up/email", f"{AUTH}/sign-out"]
    for path in paths if method == "POST" else [f"/api/chats/{chat}"]:
        response = ada.call(method, path, {}, {"Content-Type": content_type})
        assert refusal(response) == (415, "Unsupported Media Type", "Content-Type must be application/json")
    assert ada.messages(chat) == [], "it is there, and so is the session"


HOME = [
    ("http://chat.example", "chat.example"),
    ("https://chat.example", "chat.example"),
    ("https://chat.example", "chat.example:443"),
    ("https://chat.example:8443", "chat.example:8443"),
    ("https://Chat.Example", "chat.example"),
    ("http://[::1]:8000", "[::1]:8000"),
    (OPS, "chat.example"),
    (None, "chat.example"),
]
ABROAD = [
    ("null", "chat.example"),
    ("null", "null"),
    ("", "chat.example"),
    (EVIL, "chat.example"),
    ("https://chat.example.evil.example", "chat.example"),
    ("https://sub.chat.example", "chat.example"),
    ("https://chat.example:8443", "chat.example"),
    ("https://chat.example", "chat.example:8443"),
    ("https://chat.example@evil.example", "chat.example"),
    ("https://evil.example/chat.example", "chat.example"),
    ("file://chat.example", "chat.example"),
    (f"{OPS}, {EVIL}", "chat.example"),
]


def on_page(person: Person, origin: str | None, host: str) -> dict[str, str | None]:
    """What a browser sends that knows the server by that name."""
    return {**JSON, "Origin": origin, "Host": host, "Cookie": f"{COOKIE}={person.http.cookies[COOKIE]}"}


@pytest.mark.parametrize(("origin", "host"), HOME)
def test_own_pages_and_the_operators_may_change_something(eve, origin, host) -> None:
    assert eve.call("POST", "/api/chats", {}, on_page(eve, origin, host)).status_code == 201


@pytest.mark.parametrize(("origin", "host"), ABROAD)
def test_other_sites_pages_may_change_nothing(eve, origin, host) -> None:
    chat = eve.chat()
    headers = on_page(eve, origin, host)
    for method, path in (
        ("POST", "/api/chats"),
        ("POST", f"/api/chats/{chat}/messages/stream"),
        ("DELETE", f"/api/chats/{chat}"),
        ("POST", f"{AUTH}/sign-out"),
        ("POST", f"{AUTH}/sign-in/email"),
    ):
        refused = refusal(eve.call(method, path, eve.account(), headers))
        assert refused == (403, "Forbidden", "Pages of this origin may not do that")
    assert eve.messages(chat) == [], "neither the chat nor the session has ended"


def test_only_the_operators_pages_can_read_what_comes_with_a_cookie(eve) -> None:
    chat = eve.chat()
    for origin, allowed in ((OPS, OPS), (EVIL, None), ("null", None)):
        for method, path, status in (
            ("GET", f"{AUTH}/session", 200),
            ("GET", f"/api/chats/{chat}/messages", 200),
            ("GET", "/api/chats/x/messages", 400),
            ("GET", "/api/chats/nothing/here", 404),
        ):
            response = eve.call(method, path, headers={"Origin": origin})
            assert response.status_code == status
            assert response.headers.get("Access-Control-Allow-Origin") == allowed
            assert response.headers.get("Access-Control-Allow-Credentials") == ("true" if allowed else None)
            assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/api/chats/x"), ("POST", "/api/chats"), ("POST", "/api/chats/x/messages/stream")]
)
def test_preflights_are_answered_for_the_operators_pages_only(proxied, method, path) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
    response = requests.options(proxied.url + path, headers={"Origin": OPS, **asked}, timeout=5)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert method in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert "content-type" in response.headers["Access-Control-Allow-Headers"].split(", ")
    for origin in (EVIL, "null"):
        told = requests.options(proxied.url + path, headers={"Origin": origin, **asked}, timeout=5).headers
        assert not [name for name in told if name.lower().startswith("access-control-")]


def test_a_session_that_is_used_slides_on_and_so_does_its_cookie(server, ada) -> None:
    chat = ada.chat()
    calls = [
        ("GET", f"{AUTH}/session", None),
        ("POST", f"/api/chats/{chat}/messages/stream", ada.message(script({"text": "x"}))),
        ("GET", "/api/chats/x/messages", None),
    ]
    for method, path, body in calls:
        assert "Set-Cookie" not in ada.call(method, path, body).headers
        outlast(server, ada, FORTNIGHT - DAY)
        slid = cookie_of(ada.call(method, path, body))
        assert FORTNIGHT - 60 < int(slid["Max-Age"]) <= FORTNIGHT
        assert slid[COOKIE] == ada.http.cookies[COOKIE]
    outlast(server, ada, FORTNIGHT - DAY)
    assert cookie_of(ada.call("POST", f"{AUTH}/sign-out"))["Max-Age"] == "0", "it goes, however it slid"


def test_a_session_ends_ninety_days_after_signing_in_however_much_it_is_used(server, ada) -> None:
    def begun(seconds_ago: float) -> None:
        at = int((time.time() - seconds_ago) * 1000)
        who = "SELECT id FROM users WHERE email = ?"
        server.write(f"UPDATE sessions SET created_at = ? WHERE user_id = ({who})", (at, ada.email))

    begun(85 * DAY)
    outlast(server, ada, 3 * DAY)
    slid = cookie_of(ada.call("GET", f"{AUTH}/session"))
    assert 5 * DAY - 60 < int(slid["Max-Age"]) <= 5 * DAY
    assert "Set-Cookie" not in ada.call("GET", f"{AUTH}/session").headers, "it slides no further"
    begun(90 * DAY + 1)
    assert refusal(ada.call("GET", f"{AUTH}/session")) == NO_SESSION, "also one that had been put off for longer"
    assert ada.sign_in().status_code == 200


def test_an_expired_session_and_a_disabled_users_are_401(server, ada) -> None:
    outlast(server, ada, -1)
    assert refusal(ada.call("GET", f"{AUTH}/session")) == NO_SESSION
    assert ada.sign_in().status_code == 200
    assert ada.call("GET", "/api/models").status_code == 200
    server.flask("users", "disable", "--email", ada.email)
    assert refusal(ada.call("GET", "/api/models")) == NO_SESSION
    assert refusal(ada.sign_in()) == NO_PAIR
    assert server.flask("users", "enable", "--email", ada.email.upper()).stdout == ""
    assert refusal(ada.call("GET", "/api/models")) == NO_SESSION, "the sessions of before do not come back"
    assert ada.sign_in().status_code == 200
    again = server.flask("users", "enable", "--email", ada.email, check=False)
    assert (again.returncode, again.stderr) == (1, f"Error: There is no disabled user '{ada.email}'.\n")


def test_an_operator_gives_a_new_password_and_ends_the_sessions_of_the_old_one(server, ada) -> None:
    def give(email: str, password: str) -> tuple[int, str]:
        command = ["users", "password", "--email", email, "--password-stdin"]
        ran = server.flask(*command, stdin=f"{password}\n", check=False)
        assert ran.stdout == ""
        return ran.returncode, ran.stderr

    assert give(ada.email, "battery staple\r") == (0, ""), "a line may end as Windows ends it"
    assert refusal(ada.call("GET", f"{AUTH}/session")) == NO_SESSION
    assert refusal(ada.sign_in()) == NO_PAIR
    assert ada.sign_in("battery staple").status_code == 200
    status, words = give(ada.email, "short")
    assert (status, "password: " in words) == (2, True)
    assert give("nobody@example.com", PASSWORD) == (1, "Error: There is no user 'nobody@example.com'.\n")
    assert ada.call("GET", f"{AUTH}/session").ok, "what was refused has changed nothing"


def test_thirty_attempts_a_minute_are_an_addresss_and_are_counted_before_the_body_is_read(server) -> None:
    person, neighbour = Person(server), Person(server)
    for number in range(30):
        path = f"{AUTH}/{'sign-in' if number % 2 else 'sign-up'}/email"
        assert refusal(person.call("POST", path, {}))[0] == 400
    for path in (f"{AUTH}/sign-in/email", f"{AUTH}/sign-up/email"):
        refused = person.call("POST", path, person.account())
        assert refusal(refused)[:2] == (429, "Too Many Requests")
        assert re.fullmatch("[1-9]|[1-5][0-9]|60", refused.headers["Retry-After"])
    assert refusal(neighbour.sign_in()) == NO_PAIR


def test_ten_accounts_a_day_are_made_from_an_address(server) -> None:
    person, neighbour = Person(server), Person(server)

    def sign_up(who: Person, email: str) -> requests.Response:
        return who.call("POST", f"{AUTH}/sign-up/email", who.account(email=email))

    taken = address()
    assert sign_up(person, taken).status_code == 200
    assert [sign_up(person, taken).status_code for _ in range(3)] == [409] * 3, "what is not made does not count"
    assert [sign_up(person, address()).status_code for _ in range(10)] == [200] * 9 + [429]
    refused = sign_up(person, address())
    assert refusal(refused)[:2] == (429, "Too Many Requests")
    assert 80_000 < int(refused.headers["Retry-After"]) <= 86_400
    assert sign_up(neighbour, address()).status_code == 200


def test_an_account_is_tried_twenty_times_in_a_quarter_of_an_hour_from_wherever(server, ada) -> None:
    tries = [Person(server, ada.email).sign_in("wrong").status_code for _ in range(19)]
    assert tries == [401] * 19, "and signing up was one"
    refused = Person(server, ada.email).sign_in()
    assert refusal(refused)[:2] == (429, "Too Many Requests")
    assert 60 < int(refused.headers["Retry-After"]) <= 900
    assert ada.call("GET", f"{AUTH}/session").status_code == 200, "who is signed in stays so"


def test_who_signs_in_with_the_right_password_may_do_so_all_day(server, ada) -> None:
    assert [Person(server, ada.email).sign_in().status_code for _ in range(22)] == [200] * 22
    assert [Person(server, ada.email).sign_in("wrong").status_code for _ in range(20)] == [401] * 19 + [429]
