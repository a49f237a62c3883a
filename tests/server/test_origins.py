"""Which pages may ask: keys bound to origins, the operator's own list, preflights, and errors that pages can read."""

from collections.abc import Iterator

import pytest
import requests
from support.agents import Client
from support.wires import WidgetAlias, WidgetStream, WidgetWhole, Workers

from app.testing.caller import Caller
from app.testing.server import Server, eventually, script
from app.testing.wire_client import WireClient

A, B, OPS, EVIL = "https://a.example", "http://b.example:8080", "https://ops.example", "https://evil.example"
HEADERS = {"authorization", "authentication", "content-type", "x-api-key", "x-widget-api-key"}
HEADERS |= {"x-visitor", "idempotency-key", "last-event-id", "user-agent"}
HEADERS |= {"x-request-id", "traceparent", "tracestate"}
EXPOSED = {
    "authentication",
    "x-request-id",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
}

widgets = pytest.mark.parametrize("wire", [WidgetStream(), WidgetAlias(), WidgetWhole()], ids=repr)
wires = pytest.mark.parametrize("wire", [Workers(), WidgetAlias()], ids=repr)


@pytest.fixture(scope="module")
def bound(tmp_path_factory) -> Iterator[Server]:
    """A server all of whose keys list their origins."""
    home = tmp_path_factory.mktemp("bound")
    with Server(home, env={"PARLANCE_ALLOWED_ORIGINS": f"{OPS}, http://localhost:3000"}) as server:
        for line in server.flask("keys", "list").stdout.splitlines():
            server.flask("keys", "revoke", line.split("\t")[0])
        yield server


@pytest.fixture(scope="module")
def bound_key(bound) -> str:
    return bound.key("widget", "open", "--origin", f"{A}/", "--origin", B)


@pytest.fixture(scope="module")
def strict_key(bound) -> str:
    return bound.key("widget", "open", "--origin", A, "--require-origin")


@pytest.fixture(scope="module")
def bound_secret(bound) -> str:
    return bound.key("secret")


def allowed(response: requests.Response) -> str | None:
    return response.headers.get("Access-Control-Allow-Origin")


def ask(server: Server, wire: WireClient, key: str, origin: str | None) -> requests.Response:
    """The answer, or the refusal in the wire's words; what every response has is checked on the way."""
    headers = {} if origin is None else {"Origin": origin}
    response = Caller(wire, server, key).ask(script({"text": "x"}), headers)
    assert "Origin" in response.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in response.headers
    if response.status_code == 200:
        assert wire.decode(response.content).text == "x"
    else:
        wire.check_error(response, response.status_code)
    return response


@widgets
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (A, (200, True)),
        (B, (200, True)),
        ("HTTPS://A.Example", (200, True)),
        (None, (200, False)),
        ("http://a.example", (403, False)),
        (f"{A}:8443", (403, False)),
        ("http://b.example", (403, False)),
        ("http://b.example:8081", (403, False)),
        (f"{A}/", (403, False)),
        ("https://sub.a.example", (403, False)),
        (f"{A}.evil.example", (403, False)),
        ("https://evila.example", (403, False)),
        (f"{A}, {EVIL}", (403, False)),
        (EVIL, (403, False)),
        ("null", (403, False)),
        ("*", (403, False)),
        ("", (403, False)),
        (OPS, (403, True)),
    ],
)
def test_a_key_with_a_list_is_good_for_the_origins_on_it(bound, bound_key, wire, origin, expected) -> None:
    response = ask(bound, wire, bound_key, origin)
    status, readable = expected
    assert response.status_code == status
    assert allowed(response) == (origin if readable else None)


@widgets
@pytest.mark.parametrize(("origin", "status"), [(None, 403), (A, 200), (B, 403), ("null", 403), ("", 403)])
def test_a_key_may_require_that_an_origin_is_named(bound, strict_key, wire, origin, status) -> None:
    assert ask(bound, wire, strict_key, origin).status_code == status


@widgets
@pytest.mark.parametrize("origin", [A, EVIL, "null", "http://localhost:5173", "https://example.com:8443"])
def test_a_key_without_a_list_is_good_for_every_origin(server, widget_key, wire, origin) -> None:
    response = ask(server, wire, widget_key, origin)
    assert (response.status_code, allowed(response)) == (200, origin)


@pytest.mark.usefixtures("bound_key")
@pytest.mark.parametrize("origin", [OPS, "http://localhost:3000", A, EVIL])
@pytest.mark.parametrize("secret", [True, False], ids=["with a secret key", "anonymously"])
def test_other_wires_answer_all_and_let_pages_of_known_origins_read(bound, bound_secret, secret, origin) -> None:
    headers = {"Origin": origin, **(Workers().headers(bound_secret) if secret else {})}
    response = requests.post(f"{bound.url}/api/chat", json={"prompt": "hi"}, headers=headers, timeout=5)
    assert response.status_code == 200
    assert allowed(response) == (None if origin == EVIL else origin)


@wires
@pytest.mark.parametrize(("origin", "readable"), [(A, True), (OPS, True), (EVIL, False), ("null", False)])
def test_pages_of_known_origins_can_read_errors_too(bound, bound_key, wire, origin, readable) -> None:
    url, page = bound.url + wire.path, {"Origin": origin}
    right = {**page, **({"x-api-key": bound_key} if wire.key_kind == "widget" else {})}
    refusals = [
        requests.post(url, json=wire.body("hi"), headers={**wire.headers("wrong"), **page}, timeout=5),
        requests.post(f"{url}/nothing", json={}, headers=right, timeout=5),
        requests.put(url, headers=right, timeout=5),
    ]
    if origin == A or wire.key_kind == "secret":  # elsewhere the widget's key is refused before the body is read
        json_type = {**right, "Content-Type": "application/json"}
        refusals += [
            requests.post(url, json={}, headers=right, timeout=5),
            requests.post(url, data=b" " * 300_000, headers=json_type, timeout=5),
            requests.post(url, data=b"hi", headers=right, timeout=5),
            requests.post(url, json=wire.body(script({"refuse": "overloaded"})), headers=right, timeout=5),
        ]
    statuses = [response.status_code for response in refusals]
    assert statuses == [401, 404, 405, 400, 413, 415, 503][: len(statuses)]
    for response in refusals:
        assert allowed(response) == (origin if readable else None)
        assert "Origin" in response.headers["Vary"]


@wires
@pytest.mark.usefixtures("bound_key")
@pytest.mark.parametrize("origin", [A, B, OPS, "http://localhost:3000"])
def test_a_preflight_from_a_known_origin_is_told_what_it_may_send(bound, wire, origin) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-api-key"}
    response = requests.options(bound.url + wire.path, headers={"Origin": origin, **asked}, timeout=5)
    assert (response.status_code, response.content, allowed(response)) == (204, b"", origin)
    assert "POST" in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert set(response.headers["Access-Control-Allow-Headers"].split(", ")) == HEADERS
    assert set(response.headers["Access-Control-Expose-Headers"].split(", ")) >= EXPOSED
    assert int(response.headers["Access-Control-Max-Age"]) > 0
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize(
    ("path", "methods"), [("/login", "POST"), ("/stuff", "GET, POST"), ("/stuff/1", "DELETE, PUT")]
)
def test_a_page_may_sign_in_at_login_and_send_back_what_it_is_given(bound, path, methods) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authentication,content-type"}
    response = requests.options(bound.url + path, headers={"Origin": OPS, **asked}, timeout=5)
    assert (response.status_code, response.content, allowed(response)) == (204, b"", OPS)
    assert set(response.headers["Access-Control-Allow-Methods"].split(", ")) >= set(methods.split(", "))
    assert "authentication" in response.headers["Access-Control-Allow-Headers"].split(", ")
    given = requests.post(bound.url + path, json={}, headers={"Origin": OPS}, timeout=5)
    assert allowed(given) == OPS
    assert "authentication" in given.headers["Access-Control-Expose-Headers"].split(", ")


@wires
@pytest.mark.usefixtures("bound_key")
@pytest.mark.parametrize("origin", [EVIL, "null", "http://a.example", f"{A}.evil.example", f"{A}:8443"])
def test_a_preflight_from_anywhere_else_is_told_nothing(bound, wire, origin) -> None:
    response = requests.options(bound.url + wire.path, headers={"Origin": origin}, timeout=5)
    assert response.status_code == 204
    assert not [name for name in response.headers if name.lower().startswith("access-control-")]


def credentials(response: requests.Response) -> str | None:
    return response.headers.get("Access-Control-Allow-Credentials")


def with_credentials(server: Server, origin: str, key: str = "wrong") -> Iterator[requests.Response]:
    """What a page that sends credentials meets with: preflights of operations, answers and errors."""
    base, page = f"{server.url}/api/v2", {"Origin": origin}
    one = f"{base}/agents/open/conversations/c"
    for url, method in (
        (f"{base}/agents/open/chat", "POST"),
        (f"{base}/agents/open/chat/c/stream", "GET"),
        (f"{one}/tool-result", "POST"),
        (f"{one}/messages?format=ui", "GET"),
        (f"{base}/me", "GET"),
    ):
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
        preflight = requests.options(url, headers={**page, **asked}, timeout=5)
        assert preflight.status_code == 204
        if allowed(preflight):
            assert method in preflight.headers["Access-Control-Allow-Methods"].split(", ")
        yield preflight
        headers = {**page, "Authorization": f"Bearer {key}"}
        yield requests.request(method, url, json={} if method == "POST" else None, headers=headers, timeout=5)
        yield requests.put(url, headers=headers, timeout=5)


@pytest.mark.parametrize("origin", [A, B, OPS])
def test_pages_of_named_origins_may_send_credentials_to_the_agents_wire(bound, bound_key, origin) -> None:
    for response in with_credentials(bound, origin, bound_key):
        assert (allowed(response), credentials(response)) == (origin, "true")
        assert "Origin" in response.headers["Vary"]


@pytest.mark.usefixtures("bound_key")
@pytest.mark.parametrize("origin", [EVIL, "null", f"{A}.evil.example", "*", ""])
def test_pages_of_other_origins_may_not(bound, origin) -> None:
    for response in with_credentials(bound, origin):
        assert (allowed(response), credentials(response)) == (None, None)


@pytest.mark.parametrize("origin", [EVIL, "null"])
def test_a_key_that_is_good_for_every_origin_names_none(server, widget_key, origin) -> None:
    for response in with_credentials(server, origin, widget_key):
        assert (allowed(response), credentials(response)) == (origin, None)


@pytest.mark.usefixtures("bound_key")
def test_credentials_of_the_chats_wire_open_nothing_on_the_agents_wire(bound) -> None:
    cookie = {"Cookie": f"parlance_session={bound.key('session')}", "Origin": OPS}
    refused = requests.get(f"{bound.url}/api/v2/me", headers=cookie, timeout=5)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "AUTH_MISSING_API_KEY")
    assert Client.new(bound).call("GET", "", headers=cookie).status_code == 200, "where a key is shown too"
    chats = requests.options(f"{bound.url}/api/chats", headers={"Origin": A}, timeout=5)
    assert (allowed(chats), credentials(chats)) == (None, None), "what a key names, it names for wires of keys"
    listed = requests.options(f"{bound.url}/api/chats", headers={"Origin": OPS}, timeout=5)
    assert (allowed(listed), credentials(listed)) == (OPS, "true")


def test_one_key_without_a_list_opens_preflights_to_all_and_revoking_it_closes_them(bound) -> None:
    def preflight() -> str | None:
        return allowed(requests.options(f"{bound.url}/chat", headers={"Origin": EVIL}, timeout=5))

    assert preflight() is None
    bound.key("widget", "open", "--name", "open to all")
    eventually(lambda: preflight() == EVIL)  # what keys list is read once a second
    newest = next(line for line in bound.flask("keys", "list").stdout.splitlines() if "open to all" in line)
    bound.flask("keys", "revoke", newest.split("\t")[0])
    eventually(lambda: preflight() is None)


@pytest.mark.parametrize(("origin", "status"), [(A, 204), (None, 204), (EVIL, 403), ("null", 403)])
def test_pages_of_every_origin_may_read_whether_they_may_chat(bound, bound_key, origin, status) -> None:
    url, headers = f"{bound.url}/v1/chat/widget", {"Origin": origin} if origin else {}
    preflight = {**headers, "Access-Control-Request-Method": "GET"}
    told = requests.options(url, headers=preflight, timeout=30)
    assert (told.status_code, allowed(told)) == (204, origin)
    assert "x-widget-api-key" in told.headers.get("Access-Control-Allow-Headers", "x-widget-api-key")
    for method in ("GET", "HEAD"):
        response = requests.request(method, url, headers={"x-widget-api-key": bound_key, **headers}, timeout=30)
        assert (response.status_code, allowed(response)) == (status, origin)
        assert origin == A or "Access-Control-Allow-Credentials" not in response.headers
    unknown = requests.get(url, headers={"x-widget-api-key": "wk_unknown", **headers}, timeout=30)
    assert (unknown.status_code, unknown.json(), allowed(unknown)) == (401, {"error": "Unauthorized"}, origin)
    nothing = {**headers, "Access-Control-Request-Method": "POST"}
    assert allowed(requests.options(url, headers=nothing, timeout=30)) == (A if origin == A else None)
