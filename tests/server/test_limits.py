"""Rate limits: whom a request is counted for, what those over the limit are told, and what is checked first."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from support.source_addresses import FromAddress
from support.wires import Workers

from app.testing.responses import parse
from app.testing.server import Server, eventually, new_session_id, script
from app.testing.sockets import connect, read_all

LIMITS = {'workers = "100000/minute"': 'workers = "3/minute"', 'widget = "100000/minute"': 'widget = "3/minute"'}
OTHER = {'other = "100000/minute"': 'other = "5/minute"'}
TEXT = script({"text": "x"})
REFUSED = {
    "workers": b'{"code":429,"message":"Too many requests","error":"Too many requests"}',
    "widget": b'{"error":"Too many requests"}',
}
_numbers = itertools.count(2)


class Visitor:
    """Someone at an address that nobody else has."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.http = requests.Session()
        self.http.mount("http://", FromAddress(f"127.0.0.{next(_numbers)}"))

    def workers(self, **headers: str) -> int:
        return self.send("/api/chat", Workers().body(TEXT), headers).status_code

    def widget(self, key: str, path: str = "/chat") -> int:
        return self.send(path, {"sessionId": new_session_id(), "message": TEXT}, {"x-api-key": key}).status_code

    def send(self, path: str, body: Any, headers: dict[str, str], method: str = "POST") -> requests.Response:
        response = self.http.request(method, self.server.url + path, json=body, headers=headers, timeout=30)
        waits = response.headers.get("Retry-After")
        if response.status_code == 429:
            assert response.content == REFUSED["workers" if path.startswith("/api") else "widget"]
            assert waits.isdigit()
            assert 1 <= int(waits) <= 60
        else:
            assert waits is None
        return response


@pytest.fixture(scope="module")
def limited(tmp_path_factory) -> Iterator[Server]:
    """Three requests a minute on each wire."""
    with Server(tmp_path_factory.mktemp("limited"), changes=LIMITS) as running:
        yield running


@pytest.fixture(scope="module")
def key(limited) -> str:
    """A widget's."""
    return limited.key("widget")


@pytest.fixture
def visitor(limited) -> Iterator[Callable[[], Visitor]]:
    made: list[Visitor] = []

    def one() -> Visitor:
        made.append(Visitor(limited))
        return made[-1]

    yield one
    for each in made:
        each.http.close()


def test_each_visitor_of_a_widget_has_a_budget(visitor, key) -> None:
    one, other = visitor(), visitor()
    assert [one.widget(key) for _ in range(5)] == [200, 200, 200, 429, 429]
    assert [other.widget(key) for _ in range(4)] == [200, 200, 200, 429]


def test_each_widget_of_a_visitor_has_a_budget(visitor, key, limited) -> None:
    one, other_key = visitor(), limited.key("widget")
    assert [one.widget(key) for _ in range(4)] == [200, 200, 200, 429]
    assert one.widget(other_key) == 200


def test_a_secret_key_has_one_budget_wherever_it_is_used(visitor, limited) -> None:
    first, second = limited.key("secret"), limited.key("secret")
    places = [visitor() for _ in range(4)]
    assert [place.workers(authorization=f"Bearer {first}") for place in places] == [200, 200, 200, 429]
    assert places[3].workers(authorization=f"Bearer {second}") == 200
    assert places[3].workers(**{"x-api-key": first}) == 429, "by the other header it is the same key"


def test_who_has_no_key_is_counted_for_the_address(visitor) -> None:
    one, other = visitor(), visitor()
    assert [one.workers() for _ in range(4)] == [200, 200, 200, 429]
    assert other.workers() == 200


def test_a_widget_key_takes_from_one_budget_on_all_wires(visitor, key) -> None:
    one, other = visitor(), visitor()
    with_key = {"Authorization": f"Bearer {key}"}

    def agents(who: Visitor) -> requests.Response:
        url, body = f"{who.server.url}/api/v2/agents/open/chat", {"message": TEXT}
        return who.http.post(url, json=body, headers=with_key, timeout=30)

    assert [one.widget(key), agents(one).status_code, one.widget(key), one.widget(key)] == [200, 200, 200, 429]
    refused = agents(one)
    assert (refused.status_code, refused.headers["X-RateLimit-Limit"]) == (429, "3")
    assert [agents(other).headers["X-RateLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    assert [agents(other).status_code, other.widget(key)] == [429, 429]


def test_guessing_keys_opens_no_fresh_budgets_and_spends_no_others(visitor, key) -> None:
    one = visitor()
    assert [one.widget(f"wk_guess-{number}") for number in range(5)] == [401, 401, 401, 429, 429]
    assert one.widget(key) == 200, "the right key has a budget of its own"
    assert [one.workers(authorization=f"Bearer guess-{number}") for number in range(4)] == [401, 401, 401, 429]
    assert one.workers() == 429, "anonymous callers are counted for the same address"


def test_all_paths_of_a_wire_share_a_budget(visitor, key) -> None:
    one, paths = visitor(), ["/chat", "/v1/chat/stream", "/v1/chat"]
    assert [one.widget(key, path) for path in paths] == [200, 200, 200]
    assert [one.widget(key, path) for path in paths] == [429, 429, 429]


def test_wires_have_budgets_apart(visitor) -> None:
    one = visitor()
    assert [one.widget("wrong") for _ in range(4)] == [401, 401, 401, 429]
    assert [one.workers() for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize("path", ["/api/chat", "/chat", "/v1/chat", "/v1/chat/stream"])
def test_429_comes_before_401_and_401_before_400(visitor, key, path) -> None:
    one, wrong = visitor(), {"x-api-key": "wrong"}
    assert one.send(path, {}, wrong).status_code == 401, "both the key and the body are wrong"
    right = {} if path == "/api/chat" else {"x-api-key": key}
    spent = [one.send(path, {}, right).status_code for _ in range(4)]
    assert spent[:2] == [400, 400], "invalid bodies count"
    assert spent[3] == 429
    assert [one.send(path, {}, wrong).status_code for _ in range(3)][-1] == 429
    assert one.send(path, None, wrong).status_code == 429


def test_what_reaches_no_view_is_not_counted(visitor, key) -> None:
    one = visitor()
    for _ in range(5):
        assert one.send("/chat", None, {"Origin": "https://a.example"}, "OPTIONS").status_code == 204
        assert one.send("/chat/nothing", {}, {"x-api-key": key}).status_code == 404
        assert one.send("/chat", {}, {"x-api-key": key}, "PUT").status_code == 405
        assert one.send("/health", None, {}, "GET").status_code == 200
    assert [one.widget(key) for _ in range(4)] == [200, 200, 200, 429]


@pytest.fixture(scope="module")
def few_others(tmp_path_factory) -> Iterator[Server]:
    """Five requests a minute that no wire counts, and three on each wire."""
    with Server(tmp_path_factory.mktemp("others"), changes={**LIMITS, **OTHER}) as running:
        yield running


ELSEWHERE = [
    ("OPTIONS", "/chat"),
    ("POST", "/chat/nothing"),
    ("PUT", "/api/chat"),
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/nothing"),
    ("GET", "//api/chat"),
    ("OPTIONS", "/api/v2/agents/open/chat"),
]


def test_what_reaches_no_view_is_counted_for_the_address_apart_from_the_wires(few_others) -> None:
    one, other = Visitor(few_others), Visitor(few_others)
    origin = {"Origin": "https://a.example"}
    few_others.key("widget")  # which allows every origin

    def send(who: Visitor, method: str, path: str) -> requests.Response:
        return who.http.request(method, few_others.url + path, headers=origin, timeout=30)

    with one.http, other.http:
        statuses = [send(one, *each).status_code for each in ELSEWHERE]
        assert statuses == [204, 404, 405, 200, 200, 429, 429, 429]
        refused = send(one, "POST", "/chat/nothing")
        assert (refused.status_code, refused.content) == (429, REFUSED["widget"])
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert send(one, "GET", "/api/v2/nothing").headers["X-RateLimit-Limit"] == "5"
        assert [send(one, "GET", path).status_code for path in ("/health", "/ready") * 20] == [200] * 40
        assert [one.workers() for _ in range(4)] == [200, 200, 200, 429], "a wire's budget is its own"
        assert send(other, "GET", "/").status_code == 200


def test_pages_can_read_that_they_are_over_the_limit(visitor, key) -> None:
    one, origin = visitor(), {"Origin": "https://a.example"}
    for _ in range(4):
        response = one.send("/chat", {}, {"x-api-key": key, **origin})
    assert response.status_code == 429
    assert response.headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert "retry-after" in response.headers["Access-Control-Expose-Headers"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_of_many_requests_at_once_as_many_pass_as_the_limit_says(visitor, key) -> None:
    one = visitor()
    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(lambda _: one.widget(key), range(20)))
    assert statuses == [200] * 3 + [429] * 17


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP"])
def test_nobody_gets_a_budget_by_claiming_an_address(visitor, header) -> None:
    one = visitor()
    claims = [f"for=10.0.0.{n}" if header == "Forwarded" else f"10.0.0.{n}" for n in range(4)]
    assert [one.workers(**{header: claim}) for claim in claims] == [200, 200, 200, 429]


def test_behind_one_trusted_proxy_the_last_hop_counts(start) -> None:
    changes = {**LIMITS, 'workers = "100000/minute"': 'workers = "1/second"'}
    one = Visitor(start(changes=changes, env={"PARLANCE_TRUSTED_HOPS": "1"}))
    key = one.server.key("widget")

    def ask(chain: str) -> int:
        headers = {"x-api-key": key, "X-Forwarded-For": chain}
        return one.send("/v1/chat", {"sessionId": "s", "message": TEXT}, headers).status_code

    with one.http:
        assert [ask(f"10.9.9.{n}, 192.0.2.1") for n in range(4)] == [200, 200, 200, 429]
        assert ask("192.0.2.1, 192.0.2.2") == 200
        assert [ask(f"2001:db8:1:2::{n:x}") for n in range(4)] == [200, 200, 200, 429], "one household's network"
        assert ask("2001:db8:1:3::1") == 200
        assert ask("no address") == 200
        assert [one.workers(), one.workers()] == [200, 429], "one a second"
        eventually(lambda: one.workers() == 200, 3)


def test_the_limits_without_configuration_are_twenty_and_thirty_a_minute(start) -> None:
    others = (f'{name} = "100000/minute"' for name in ("other", "agents", "chats", "openai", "messages", "responses"))
    one = Visitor(start(changes={"[limits]": "", **dict.fromkeys((*others, *LIMITS), "")}))
    key = one.server.key("widget")
    with one.http:
        assert [one.workers() for _ in range(21)] == [200] * 20 + [429]
        assert [one.widget(key) for _ in range(31)] == [200] * 30 + [429]


def test_who_is_over_the_limit_is_not_told_to_continue(limited) -> None:
    key = limited.key("secret")
    for _ in range(3):
        requests.post(f"{limited.url}/api/chat", json={}, headers={"x-api-key": key}, timeout=5)
    head = f"POST /api/chat HTTP/1.1\r\nHost: x\r\nx-api-key: {key}\r\nContent-Type: application/json\r\n"
    with connect(limited) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\nExpect: 100-continue\r\n\r\n".encode())
        assert parse(read_all(connection)).status_code == 429


def test_whether_a_page_may_chat_costs_what_a_page_does(few_others) -> None:
    one, key = Visitor(few_others), few_others.key("widget")

    def asks(key: str) -> int:
        return one.http.get(f"{few_others.url}/v1/chat/widget", headers={"x-api-key": key}, timeout=30).status_code

    with one.http:
        assert [asks(key) for _ in range(6)] == [204] * 5 + [429]
        assert asks("wk_wrong") == 429, "the limit comes before the key"
        assert [one.widget(key) for _ in range(4)] == [200, 200, 200, 429], "the questions' budget is whole"
