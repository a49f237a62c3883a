"""What every wire promises of its replies' headers, refusals included, as tests to inherit."""

import re
from collections.abc import Iterator

import requests

from app.testing.caller import Caller
from app.testing.server import script


def refused(caller: Caller) -> dict[int, requests.Response]:
    """One response of each kind of refusal that happens before anybody answers."""
    url, headers = caller.server.url + caller.path, caller.wire.headers(caller.key)
    return {
        400: caller.post({}),
        401: caller.ask("hi", caller.wire.headers("wrong")),
        404: requests.post(f"{url}/nothing/here", json=caller.body("hi"), headers=headers, timeout=30),
        405: requests.put(url, headers=headers, timeout=30),
        413: caller.post(b" " * 300_000),
        415: caller.post(caller.body("hi"), {"Content-Type": "text/plain"}),
    }


def replies(caller: Caller) -> Iterator[requests.Response]:
    """An answer, and one response of each kind of refusal."""
    yield caller.ask(script({"text": "x"}))
    yield caller.ask(script({"refuse": "overloaded"}))
    yield from refused(caller).values()


def listed(value: str) -> set[str]:
    """The members of a header that is a list, in lower case."""
    return {each.lower() for each in re.split(", *", value)}


class HeadersSuite:
    """For WireSuite to inherit."""

    def test_every_response_carries_the_headers_that_protect_and_identify(self, caller: Caller) -> None:
        for response in replies(caller):
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])

    def test_no_cache_keeps_a_reply_and_each_names_the_headers_that_it_depends_on(self, caller: Caller) -> None:
        credentials = {header.lower() for header, _ in caller.wire.credentials}
        for response in replies(caller):
            kept = listed(response.headers["Cache-Control"])
            assert "no-store" in kept, response.request.url
            assert not {each for each in kept if each.startswith(("public", "max-age", "s-maxage"))}
            assert {"origin", *credentials} <= listed(response.headers["Vary"])
            assert not {"etag", "expires", "last-modified"} & {name.lower() for name in response.headers}
