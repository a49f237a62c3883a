"""What caches may keep: files that anybody may have, and nothing that callers get."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import requests
from support.agents import Client
from support.openapi_document import OpenApiDocument

from app.testing.headers_suite import listed

CREDENTIALS = {
    "agents": {"authorization"},
    "chats": {"cookie"},
    "messages": {"authorization", "x-api-key"},
    "openai": {"authorization"},
    "responses": {"authorization"},
    "things": {"authorization", "authentication"},
    "widget": {"x-api-key", "x-widget-api-key", "x-visitor"},
    "workers": {"authorization", "x-api-key"},
    "server": set(),
}
"""The headers that say who calls, by wire."""
PUBLIC = {"/widget.js", "/widget/chat-widget.js", "/", "/docs", "/openapi.json"}
"""Files, which are the same for everybody."""


def respond(server, method: str, path: str, operation: Mapping[str, Any]) -> requests.Response:
    """To a request without a credential, with the examples of the path's parameters."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example", "x")))
    return requests.request(method, f"{server.url}{path}", timeout=30)


def test_nothing_but_public_files_is_kept_by_caches_whatever_the_operation(server) -> None:
    operations = OpenApiDocument(server).operations
    wires = set()
    for (method, path), operation in operations.items():
        response = respond(server, method, path, operation)
        kept, varies = listed(response.headers["Cache-Control"]), listed(response.headers["Vary"])
        (wire,) = operation["tags"]
        wires.add(wire)
        if path in PUBLIC:
            assert "no-store" not in kept, path
            assert {"Set-Cookie", "ETag"} & set(response.headers) == {"ETag"}
        else:
            assert "no-store" in kept, path
            assert {"origin", *CREDENTIALS[wire]} <= varies, path
    assert wires == set(CREDENTIALS), "each wire was asked"


def test_where_accept_chooses_the_form_of_an_answer_the_reply_says_so(server, secret_key) -> None:
    response = Client(server, secret_key).chat({"message": "hi"}, {"Accept": "application/x-ndjson"})
    assert response.headers["Content-Type"].startswith("application/x-ndjson")
    assert "accept" in listed(response.headers["Vary"])


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat", "/api/chats"])
def test_a_preflight_may_be_kept_as_cross_origin_requests_have_it(server, path) -> None:
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    response = requests.options(f"{server.url}{path}", headers=headers, timeout=30)
    assert response.status_code == 204
    assert "Cache-Control" not in response.headers
    assert re.split(", *", response.headers["Vary"]) == ["Origin"]
