"""The script of the chat widget, as browsers load it."""

import pytest
import requests

PATHS = ["/widget/chat-widget.js", "/widget.js"]

paths = pytest.mark.parametrize("path", PATHS)


@paths
def test_the_script_is_served_to_every_page(server, path) -> None:
    for headers in ({}, {"Origin": "https://anywhere.example"}):
        response = requests.get(f"{server.url}{path}?v=2", headers=headers, timeout=30)
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert response.headers["Access-Control-Allow-Origin"] in ("*", headers.get("Origin"))
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Set-Cookie" not in response.headers
        assert "window.ParlanceChat" in response.content.decode()


def test_both_paths_lead_to_the_same_script(server) -> None:
    first, second = (requests.get(f"{server.url}{path}", timeout=30) for path in PATHS)
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"]


@paths
def test_a_browser_that_has_it_is_told_that_it_is_current(server, path) -> None:
    url = f"{server.url}{path}"
    etag = requests.get(url, timeout=30).headers["ETag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        response = requests.get(url, headers={"If-None-Match": known}, timeout=30)
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["ETag"] == etag
        assert set(response.headers["Cache-Control"].split(", ")) == {"public", "max-age=300"}
    assert requests.get(url, headers={"If-None-Match": '"older"'}, timeout=30).status_code == 200


@paths
def test_head_tells_the_same_without_the_script(server, path) -> None:
    plain = {"Accept-Encoding": "identity"}
    got, headed = (
        requests.request(method, f"{server.url}{path}", headers=plain, timeout=30) for method in ("GET", "HEAD")
    )
    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["Content-Length"] == str(len(got.content))
    assert headed.headers["ETag"] == got.headers["ETag"]


def test_it_comes_compressed_and_is_small(server) -> None:
    packed = requests.get(f"{server.url}/widget.js", headers={"Accept-Encoding": "gzip"}, timeout=30)
    plain = requests.get(f"{server.url}/widget.js", headers={"Accept-Encoding": "identity"}, timeout=30)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) <= 21 * 1024
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content, "requests has unpacked it"
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert {"Accept-Encoding", "Origin"} <= set(packed.headers["Vary"].split(", "))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/widget", 404), ("GET", "/widget/other.js", 404), ("GET", "/widget/../pyproject.toml", 404)]
    + [("POST", path, 405) for path in PATHS],
)
def test_what_is_not_there_is_refused_in_json(server, method, path, status) -> None:
    request = requests.Request(method, server.url).prepare()
    request.url = f"{server.url}{path}"  # as it stands, dots and all
    response = requests.Session().send(request, timeout=30)
    assert response.status_code == status
    assert set(response.json()) == {"error"}
