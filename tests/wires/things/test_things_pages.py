"""A user's things are listed page by page, of bounded bytes; the header `Link` leads on, since the list is the body."""

import re
from collections.abc import Iterator

import pytest
import requests

from app.testing.server import Server

LARGE = "é" * 10_000
NEXT = re.compile('<(/stuff[^>]+)>; rel="next"')


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("things")) as running:
        yield running


@pytest.fixture
def user(server) -> Iterator[tuple[str, dict[str, str]]]:
    """The id and the headers of someone with 150 things of 20,000 bytes each."""
    email = "many@example.com"
    user_id = server.flask("users", "create", "--email", email, "--password-stdin", stdin="correct horse\n").stdout
    rows = [(user_id.strip(), f"{number}", LARGE) for number in range(150)]
    server.write("INSERT INTO things (user_id, name, content) VALUES (?, ?, ?)", *rows)
    yield user_id, token_of(server, email)
    for table, column in (("things", "user_id"), ("sessions", "user_id"), ("users", "id")):
        server.write(f"DELETE FROM {table} WHERE {column} = ?", (user_id.strip(),))


def token_of(server, email: str) -> dict[str, str]:
    body = {"email": email, "password": "correct horse"}
    response = requests.post(f"{server.url}/login", json=body, timeout=30)
    return {"Authorization": f"Bearer {response.json()['token']}"}


def stuff(server, method: str, path: str, headers, body=None) -> requests.Response:
    return requests.request(method, f"{server.url}/stuff{path}", headers=headers, json=body, timeout=30)


def follow(server, headers, first: requests.Response) -> list[list[str]]:
    """The names on each page, from the first one on."""
    response, pages = first, []
    while True:
        assert response.status_code == 200, response.text
        assert len(response.content) < 1_200_000
        pages.append([thing["name"] for thing in response.json()])
        leads = NEXT.fullmatch(response.headers.get("Link", ""))
        if not leads:
            assert "Link" not in response.headers
            return pages
        response = requests.get(f"{server.url}{leads[1]}", headers=headers, timeout=30)


def test_all_things_are_listed_over_pages_of_bounded_bytes(server, user) -> None:
    pages = follow(server, user[1], stuff(server, "GET", "", user[1]))
    assert [name for page in pages for name in page] == [f"{number}" for number in range(150)]
    assert [len(page) for page in pages] == [52, 52, 46]


def test_a_change_shows_the_first_page_and_the_way_on(server, user) -> None:
    thing = stuff(server, "GET", "?limit=1", user[1]).json()[0]
    changed = stuff(server, "PUT", f"/{thing['id']}", user[1], {"name": "new"})
    names = [name for page in follow(server, user[1], changed) for name in page]
    assert names == ["new", *(f"{number}" for number in range(1, 150))]


def test_a_limit_holds_on_every_page_and_a_cursor_is_its_users_own(server, user) -> None:
    pages = follow(server, user[1], stuff(server, "GET", "?limit=40", user[1]))
    assert [len(page) for page in pages] == [40, 40, 40, 30]
    for query in ("?limit=0", "?limit=1001", "?limit=x", "?cursor=x", "?cursor="):
        assert stuff(server, "GET", query, user[1]).status_code == 400
    server.flask("users", "create", "--email", "other@example.com", "--password-stdin", stdin="correct horse\n")
    other = token_of(server, "other@example.com")
    leads = NEXT.fullmatch(stuff(server, "GET", "?limit=1", user[1]).headers["Link"])
    assert leads
    assert requests.get(f"{server.url}{leads[1]}", headers=other, timeout=30).status_code == 400
    assert requests.get(f"{server.url}{leads[1]}", headers=user[1], timeout=30).status_code == 200
