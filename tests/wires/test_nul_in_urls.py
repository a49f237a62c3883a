"""A NUL in the parameters of a path or in a query is 400 on every operation that has any."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from support.users import COOKIE

from app.testing.server import Server

CREDENTIALS = {"/api/v2": "secret", "/api/workflow": "session", "/api/chats": "session", "/api/users": "session"}
CREDENTIALS |= {"/stuff": "token", "/chat": "widget", "/v1/chat/completions": "secret", "/v1/chat": "widget"}
CREDENTIALS |= {"/v1": "secret"}


@pytest.fixture(scope="module")
def headers(server) -> dict[str, dict[str, str]]:
    """By kind of credential."""
    token = server.key("session")
    return {
        "secret": {"Authorization": f"Bearer {server.key('secret')}"},
        "widget": {"x-api-key": server.key("widget")},
        "session": {"Cookie": f"{COOKIE}={token}", "Content-Type": "application/json"},
    }


def operations(server: Server) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = requests.get(f"{server.url}/openapi.json", timeout=30).json()
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield method, path, described


def test_a_nul_in_a_path_is_refused(server, headers) -> None:
    asked = 0
    for method, path, _ in operations(server):
        kind = next((kind for start, kind in CREDENTIALS.items() if path.startswith(start)), None)
        if "{" not in path or kind not in headers:
            continue
        for name in re.findall("{[^}]*}", path):
            url = re.sub("{[^}]*}", "x", path.replace(name, "a%00b"))
            response = requests.request(method, server.url + url, json={}, headers=headers[kind], timeout=30)
            assert response.status_code == 400, (method, url, response.text)
            asked += 1
    assert asked > 20


@pytest.mark.parametrize("query", ["limit=%00", "cursor=a%00b", "%00=1", "other=%00"])
def test_a_nul_in_a_query_is_refused(server, headers, query) -> None:
    for path, kind in (("/api/v2/agents/open/conversations", "secret"), ("/api/chats", "session"), ("/chat", "widget")):
        response = requests.get(f"{server.url}{path}?{query}", headers=headers[kind], timeout=30)
        if response.status_code != 405:
            assert response.status_code == 400, (path, response.text)
