"""Which hosts can be listed, and which URLs a listed one covers; test_tool.py has URLs that are none."""

import pytest

from app.tools.http_request.hosts import is_listed, parse_host, parse_url


@pytest.mark.parametrize(
    ("host", "url", "covered"),
    [
        *(("api.test", "http://api.test/", True), ("api.test", "https://api.test/", True)),
        *(("api.test", "http://API.TEST:80/", True), ("API.test", "http://api.test:443/", True)),
        *(("api.test", "http://api.test:8080/", False), ("api.test", "http://x.api.test/", False)),
        *(("api.test", "http://xapi.test/", False), ("api.test", "http://api.test.evil.test/", False)),
        *(("api.test:8080", "http://api.test:8080/", True), ("api.test:8080", "http://api.test/", False)),
        *(("*.api.test", "http://a.api.test/", True), ("*.api.test", "https://b.a.api.test/", True)),
        *(("*.api.test", "http://api.test/", False), ("*.api.test", "http://xapi.test/", False)),
        *(("*.api.test:8080", "http://a.api.test:8080/", True), ("*.api.test:8080", "http://a.api.test/", False)),
        *(("[::1]:8080", "http://[0:0::1]:8080/", True), ("127.0.0.1", "http://127.0.0.1/", True)),
        ("api.test", "http://api.test:0/", False),
    ],
)
def test_a_listed_host_covers_itself_and_a_wildcard_what_is_below(host, url, covered) -> None:
    assert is_listed(parse_url(url), [parse_host(host)]) is covered


@pytest.mark.parametrize(
    "host",
    [
        *("", "*", "*.", "*.test", "**.api.test", "a.*.test", "api.*", "*:443", "*.[::1]", "*.10.0.0.1", "*.0.1"),
        *("http://api.test", "api.test/path", "api.test?x", "me@api.test", "api test", "api.test:", "api.test:0"),
        *("api.test:http", "api.test:99999", "apí.test", "api..test", "[::1", "::1", "api.test#x", "api.test\n"),
    ],
)
def test_what_is_no_host_cannot_be_listed(host) -> None:
    with pytest.raises(ValueError, match=r"is not a host|covers too much"):
        parse_host(host)
