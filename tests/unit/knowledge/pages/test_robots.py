"""What sites ask of programs that read them."""

import pytest
from support.site import answer, raw, redirect, running_site

from app.knowledge.pages.fetching import Fetcher, SkippedError
from app.knowledge.pages.robots import Robots, directives
from app.tools.http_request.hosts import parse_host


@pytest.fixture
def site():
    with running_site() as running:
        yield running


def robots(site) -> Robots:
    return Robots(Fetcher([parse_host(site.host)]))


def refusal(site, path: str = "/") -> str:
    with pytest.raises(SkippedError) as raised:
        robots(site).check(f"{site.url}{path}")
    return str(raised.value)


def test_a_robots_txt_says_what_may_be_read_and_is_read_once(site) -> None:
    site.pages["/robots.txt"] = answer(
        b"\xef\xbb\xbfUser-agent: *\nDisallow: /\n\nUser-agent: parlance\nDisallow: /cart\nAllow: /cart/help$\n",
        "text/plain",
    )
    rules = robots(site)
    for path in ("/", "/tea", "/cart/help"):
        rules.check(f"{site.url}{path}")
    for path in ("/cart", "/cart/1", "/cart/help/2"):
        with pytest.raises(SkippedError, match=r"^robots.txt does not allow it$"):
            rules.check(f"{site.url}{path}")
    assert site.paths == ["/robots.txt"]


@pytest.mark.parametrize("status", [404, 403, 401, 410])
def test_a_site_without_one_may_be_read(site, status) -> None:
    site.pages["/robots.txt"] = answer(b"User-agent: *\nDisallow: /", status=status)
    robots(site).check(f"{site.url}/")


@pytest.mark.parametrize("status", [500, 502, 429])
def test_a_site_whose_server_cannot_answer_for_it_may_not(site, status) -> None:
    site.pages["/robots.txt"] = answer(b"", status=status)
    assert refusal(site) == f"robots.txt cannot be read: the server answers {status}"


def test_a_host_that_may_not_be_reached_is_named_as_such(site) -> None:
    with pytest.raises(SkippedError, match=r"127\.0\.0\.1 has an address that may not be reached$"):
        Robots(Fetcher()).check(f"{site.url}/")


def test_a_redirect_is_followed_and_one_that_goes_round_for_ever_is_no_answer(site) -> None:
    site.pages["/robots.txt"] = redirect("/other.txt")
    site.pages["/other.txt"] = answer(b"User-agent: *\nDisallow: /", "text/plain")
    assert refusal(site) == "robots.txt does not allow it"
    site.pages["/other.txt"] = redirect("/robots.txt")
    assert refusal(site) == "robots.txt cannot be read: redirects more than 5 times"


def test_of_a_long_one_the_beginning_is_heeded_and_of_an_endless_one_nothing_is_read(site) -> None:
    rules = b"User-agent: *\nDisallow: /cart\n" + b"# tea\n" * 100_000 + b"Disallow: /tea\n"
    site.pages["/robots.txt"] = answer(rules, "text/plain")
    robots(site).check(f"{site.url}/tea")
    assert refusal(site, "/cart") == "robots.txt does not allow it"
    site.pages["/robots.txt"] = answer(rules * 10, "text/plain")
    assert "larger than" in refusal(site)


def test_what_is_no_robots_txt_forbids_nothing(site) -> None:
    for body in (b"<!doctype html><p>Not found</p>", bytes(range(256)), b"", b"Disallow: /"):
        site.pages["/robots.txt"] = answer(body)
        robots(site).check(f"{site.url}/")


def test_sitemaps_are_named_there(site) -> None:
    site.pages["/robots.txt"] = answer(b"Sitemap: https://shop.example/a.xml\nsitemap:/b.xml\n", "text/plain")
    assert robots(site).sitemaps(f"{site.url}/tea") == ["https://shop.example/a.xml", "/b.xml"]


@pytest.mark.timed
def test_a_delay_is_kept_as_far_as_it_is_bearable(site) -> None:
    site.pages["/robots.txt"] = answer(b"User-agent: *\nCrawl-delay: 0.4\n", "text/plain")
    site.pages["/"] = answer(b"Tea")
    fetcher = Fetcher([parse_host(site.host)])
    Robots(fetcher).check(f"{site.url}/")
    fetcher.get(f"{site.url}/", lambda _: None)
    assert site.asked[1][2] - site.asked[0][2] >= 0.4


def test_a_server_that_hangs_up_is_none_that_allows(site) -> None:
    site.pages["/robots.txt"] = raw()
    assert refusal(site).startswith("robots.txt cannot be read: ")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("noindex", {"noindex"}),
        ("NoIndex, NoFollow", {"noindex", "nofollow"}),
        ("none", {"none", "noindex", "nofollow"}),
        ("googlebot: noindex", set()),
        ("googlebot: noindex, parlance: nofollow", {"nofollow"}),
        ("parlance: noindex, nofollow", {"noindex", "nofollow"}),
        (
            "unavailable_after: 25 Jun 2030 15:00:00 PST, noindex",
            {"unavailable_after: 25 jun 2030 15:00:00 pst", "noindex"},
        ),
        ("max-snippet: 20", {"max-snippet: 20"}),
        ("", {""}),
    ],
)
def test_directives_of_a_page_are_those_to_everybody_and_to_this_program(header, said) -> None:
    assert directives(header) == said
