"""Reading a site: a real one on this machine, with what sites have."""

import gzip
import re
import shutil
from dataclasses import replace

import pytest
from support.site import answer, endless, pdf, raw, redirect, running_site

from app.knowledge.pages.crawl import Crawl
from app.knowledge.pages.extracting import Extractor
from app.knowledge.pages.fetching import Fetcher
from app.knowledge.pages.kept import Pages
from app.knowledge.pages.outcome import Outcome
from app.knowledge.pages.sources import Bounds, Kind, Source
from app.knowledge.reading.formats import read
from app.tools.http_request.hosts import parse_host


@pytest.fixture(scope="module")
def extractor():
    with Extractor() as running:
        yield running


@pytest.fixture
def site():
    with running_site() as running:
        yield running


class Reader:
    """What an agent has of a site: `run` reads a source, the same one again where none is given."""

    def __init__(self, site, folder, extractor) -> None:
        self.site, self.pages, self._extractor = site, Pages(folder), extractor
        self.source = Source("", "site")
        self.told: list[str] = []

    def run(self, address: str = "", kind: Kind = "site", **bounds) -> Outcome:
        if address:
            self.source = Source(f"{self.site.url}{address}", kind, Bounds(**{"pace": 0.0} | bounds))
        fetcher = Fetcher([parse_host(self.site.host)], 0.0, self.source.bounds.seconds)
        crawl = Crawl(self.source, self.pages, fetcher, self._extractor, lambda url, *_: self.told.append(url))
        crawl.run()
        crawl.finish()
        return crawl.outcome

    def kept(self) -> list[str]:
        return [page.url.removeprefix(self.site.url) for page in self.pages.all()]

    def text(self, path: str) -> str:
        return self.pages.text(f"{self.site.url}{path}")

    def skipped(self, outcome: Outcome) -> dict[str, str]:
        return {url.removeprefix(self.site.url): reason for url, reason in outcome.skipped.items()}


@pytest.fixture
def reader(site, tmp_path, extractor) -> Reader:
    return Reader(site, tmp_path / "agent", extractor)


def test_links_are_followed_below_the_path_and_the_main_text_is_kept(site, reader) -> None:
    site.html("/docs/", "<h1>Docs</h1><p>Start here.</p><a href='tea#top'>Tea</a><a href='/intern'>Intern</a>")
    site.html(
        "/docs/tea", "<h1>Tea</h1><h2 id='green'>Green tea</h2><p>70 degrees.</p><a href='cups/?utm_source=a'>Cups</a>"
    )
    site.html("/docs/cups/", "<h1>Cups</h1><p>Of clay.</p><a href='https://other.example/docs/'>Elsewhere</a>")
    site.html("/intern", "<p>Nothing for visitors.</p>")
    outcome = reader.run("/docs/")
    assert reader.kept() == ["/docs/", "/docs/cups/", "/docs/tea"]
    assert len(outcome.written) == 3
    assert outcome.skipped == {}
    assert site.paths == ["/robots.txt", "/docs/", "/sitemap.xml", "/docs/tea", "/docs/cups/"]
    assert "70 degrees." in reader.text("/docs/tea")
    assert "Imprint" not in reader.text("/docs/tea")
    assert "Start" not in reader.text("/docs/tea"), "the menu"
    page = reader.pages.get(f"{site.url}/docs/tea")
    assert (page.title, page.language, page.source) == ("Tea", "en", f"{site.url}/docs/")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", page.read)


def test_what_is_kept_is_read_with_its_title_and_the_addresses_of_its_sections(site, reader) -> None:
    site.html("/tea", "<h1>Tea: green</h1><p>All we have.</p><h2 id='prices'>Prices</h2><p>Two euros.</p>")
    reader.run("/tea", "page")
    document = read(reader.pages.file(f"{site.url}/tea"))
    assert (document.title, document.url, document.language) == ("Tea: green", f"{site.url}/tea", "en")
    assert [(section.headings, section.anchor) for section in document.sections] == [((), ""), (("Prices",), "#prices")]


def test_the_pages_of_a_sitemap_are_read_and_no_links_but_to_documents(site, reader) -> None:
    site.pages["/robots.txt"] = answer(f"Sitemap: {site.url}/index.xml".encode(), "text/plain")
    site.sitemap("/index.xml", "/pages.xml.gz", "/gone.xml", index=True)
    site.sitemap("/pages.xml", "/a", "/b", "https://other.example/")
    listed: list[bytes] = []
    site.sitemap("/pages.xml", "/a", "/b")
    site.pages["/pages.xml.gz"] = answer(
        gzip.compress(f"<urlset><url><loc>{site.url}/a</loc></url><url><loc>{site.url}/b</loc></url>"
        "<url><loc>https://other.example/</loc></url></urlset>".encode()), "application/gzip")  # fmt: skip
    assert not listed
    site.html("/", "<p>Welcome.</p><a href='/hidden'>Hidden</a>")
    site.html("/a", "<p>Alpha.</p><a href='/hidden'>Hidden</a><a href='/files/prices.pdf'>Prices</a>")
    site.html("/b", "<p>Beta.</p>")
    site.html("/hidden", "<p>In no sitemap.</p>")
    site.pages["/files/prices.pdf"] = answer(
        pdf("Green tea costs two euros.", "Black tea costs three."), "application/pdf"
    )
    outcome = reader.run("/")
    assert reader.kept() == ["/", "/a", "/b", "/files/prices.pdf"]
    assert reader.skipped(outcome) == {"/gone.xml": "the server answers 404"}
    document = read(reader.pages.file(f"{site.url}/files/prices.pdf"))
    assert [(section.text, section.anchor) for section in document.sections] == [
        ("Green tea costs two euros.", "#page=1"),
        ("Black tea costs three.", "#page=2"),
    ]
    assert document.url == f"{site.url}/files/prices.pdf"
    assert document.title == "prices.pdf"


def test_a_sitemap_s_own_address_is_a_source(site, reader) -> None:
    site.sitemap("/maps/sitemap.xml", "/a", "/docs/b")
    site.html("/a", "<p>Alpha.</p><a href='/c'>C</a>")
    site.html("/docs/b", "<p>Beta.</p>")
    reader.run("/maps/sitemap.xml", "page")
    assert reader.source.kind == "sitemap"
    assert reader.kept() == ["/a", "/docs/b"]


def test_one_page_is_one_page(site, reader) -> None:
    site.html("/a", "<p>Alpha.</p><a href='/a/b'>B</a><a href='/a/c.pdf'>C</a>")
    reader.run("/a", "page")
    assert reader.kept() == ["/a"]
    assert site.paths == ["/robots.txt", "/a"]


def test_robots_txt_and_directives_of_pages_are_heeded(site, reader) -> None:
    site.pages["/robots.txt"] = answer(b"User-agent: *\nDisallow: /cart\n", "text/plain")
    links = "".join(f"<a href='/{each}'>{each}</a>" for each in ("cart", "thanks", "quiet", "other", "plain"))
    site.html("/", f"<p>Welcome.</p>{links}")
    site.html("/thanks", "<p>Thanks.</p><a href='/found'>Found</a>", "<meta name='robots' content='noindex'>")
    site.html("/quiet", "<p>Quiet.</p><a href='/unfollowed'>U</a>", "<meta name='robots' content='nofollow'>")
    site.html("/other", "<p>Other.</p><a href='/unfollowed'>U</a>", x_robots_tag="nofollow")
    site.html("/plain", "<p>Plain.</p><a rel='nofollow' href='/unfollowed'>U</a>")
    site.html("/found", "<p>Found.</p>")
    site.html("/unfollowed", "<p>Unfollowed.</p>")
    outcome = reader.run("/")
    assert reader.kept() == ["/", "/found", "/other", "/plain", "/quiet"]
    told = reader.skipped(outcome)
    assert told["/cart"] == "robots.txt does not allow it"
    assert told["/thanks"] == "asks not to be found by search (noindex)"
    assert "/cart" not in site.paths
    assert "/unfollowed" not in site.paths


def test_what_cannot_be_read_is_named_and_the_rest_is_read(site, reader) -> None:
    names = ("endless", "round", "broken.pdf", "picture", "empty", "gone", "away", "inside", "packed", "good")
    site.html("/", "<p>Welcome.</p>" + "".join(f"<a href='/{name}'>{name}</a>" for name in names))
    site.pages["/endless"] = endless(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n", b"<p>Tea</p>" * 1000)
    site.pages["/round"] = redirect("/round")
    site.pages["/broken.pdf"] = answer(b"%PDF-1.7\nnothing more", "application/pdf")
    site.pages["/picture"] = answer(b"GIF89a", "image/gif")
    site.html("/empty", "<div id='app'></div>")
    site.pages["/away"] = redirect("https://other.example/")
    site.pages["/inside"] = redirect("http://169.254.169.254/latest/meta-data/")
    site.pages["/packed"] = answer(gzip.compress(bytes(20_000_000)), "text/html", content_encoding="gzip")
    site.html("/good", "<p>Good.</p>")
    outcome = reader.run("/")
    assert reader.kept() == ["/", "/good"]
    told = reader.skipped(outcome)
    assert told == {
        "/endless": "larger than 5,000,000 bytes",
        "/round": "redirects more than 5 times",
        "/broken.pdf": told["/broken.pdf"],
        "/picture": "is nothing that is read (image/gif)",
        "/empty": "has no text; perhaps scripts put it there",
        "/gone": "the server answers 404",
        "/away": "leads to https://other.example/, which is no page of the site",
        "/inside": "leads to http://169.254.169.254/latest/meta-data/, which is no page of the site",
        "/packed": "larger than 5,000,000 bytes when it is unpacked",
        **dict.fromkeys(("/a", "/b"), "the server answers 404"),  # of the menu
    }
    assert "damaged" in told["/broken.pdf"]


def test_a_start_that_leads_elsewhere_is_told_and_nothing_is_read(site, reader) -> None:
    site.pages["/"] = redirect("https://other.example/")
    outcome = reader.run("/")
    assert reader.skipped(outcome) == {"/": "leads to https://other.example/; add that address if it is meant"}
    assert reader.kept() == []


def test_a_page_that_is_said_twice_is_kept_once(site, reader) -> None:
    paths = ("a", "a?sort=price", "b", "c", "old", "home-of-all")
    site.html("/", "<p>Welcome.</p>" + "".join(f"<a href='/{path}'>{path}</a>" for path in paths))
    site.html("/a", "<p>Alpha, by name.</p>", "<link rel=canonical href='/a'>")
    site.html("/a?sort=price", "<p>Alpha, by price.</p>", "<link rel=canonical href='/a'>")
    site.html("/b", "<p>Beta with a long name.</p>", "<link rel=canonical href='/beta'>")
    site.html("/beta", "<p>Beta.</p>")
    site.html("/c", "<p>Beta.</p>")
    site.pages["/old"] = redirect("/a", 301)
    site.html("/home-of-all", "<p>A page whose makers have made a mistake.</p>", "<link rel=canonical href='/'>")
    outcome = reader.run("/")
    assert reader.kept() == ["/", "/a", "/beta", "/home-of-all"]
    assert reader.skipped(outcome) == {
        "/a?sort=price": f"is the page {site.url}/a",
        "/b": f"is the page {site.url}/beta",
        "/c": f"says the same as {site.url}/beta",
        "/old": f"leads to {site.url}/a, which is read anyway",
    }


def test_a_canonical_address_that_is_not_there_costs_no_page(site, reader) -> None:
    site.html("/", "<p>Welcome.</p><a href='/a'>A</a><a href='/b'>B</a>", "<link rel=canonical href='/x'>")
    site.html("/a", "<p>Alpha.</p>", "<link rel=canonical href='/x'>")
    site.html("/b", "<p>Beta.</p>", "<link rel=canonical href='https://other.example/b'>")
    reader.run("/")
    assert reader.kept() == ["/", "/a", "/b"]
    assert site.paths.count("/x") == 1


def test_calendars_and_deeper_and_deeper_links_have_an_end(site, reader) -> None:
    def calendar(handler) -> None:
        day = int(handler.path.rpartition("=")[2] or 0) if "=" in handler.path else 0
        page = (
            f"<main><p>Day {day}.</p><a href='/day?number={day + 1}'>Next</a><a href='{handler.path}/deep'>D</a></main>"
        )
        answer(page.encode())(handler)

    site.pages = {"/": calendar, **{f"/day?number={day}": calendar for day in range(1, 300)}}
    site.pages |= {"/deep" * depth: calendar for depth in range(1, 10)}
    reader.run("/", depth=100)
    assert 90 <= len([path for path in site.paths if path.startswith("/day")]) <= 100
    assert max(path.count("/deep") for path in site.paths) <= 2


def test_bounds_end_a_run_and_the_next_one_goes_on(site, reader) -> None:
    for number in range(12):
        site.html(
            f"/{number or ''}", f"<p>Page {number}.</p><a href='/{number + 1}'>Next</a><a href='/{number + 2}'>N</a>"
        )
    outcome = reader.run("/", pages=5)
    assert len(outcome.written) == 5
    assert outcome.stopped == "there are more than 5 pages"
    assert reader.source.waiting
    reader.source.bounds = Bounds(pages=100, pace=0.0)
    reader.run()
    assert len(reader.kept()) == 12
    shutil.rmtree(reader.pages.file(site.url).parent)
    assert len(reader.run("/", depth=2).written) == 5


def test_blocks_that_stand_on_most_pages_stay_on_one(site, reader) -> None:
    for number in range(8):
        body = f"<h1>Tea {number}</h1><p>Order until noon and we ship today.</p><p>Tea number {number}.</p>"
        site.html(f"/{number or ''}", f"{body}<a href='/{number + 1}'>Next</a>")
    reader.run("/")
    texts = [reader.text(f"/{number or ''}") for number in range(8)]
    assert [("until noon" in text) for text in texts] == [True] + [False] * 7
    assert all(f"number {number}." in text for number, text in enumerate(texts))
    site.html("/3", "<h1>Tea 3</h1><p>Order until noon and we ship today.</p><p>Sold out.</p>")
    assert reader.run().written == [f"{site.url}/3"]
    assert "Sold out" in reader.text("/3")
    assert "until noon" not in reader.text("/3"), "what repeats is remembered"


def times(reader: Reader) -> dict[str, int]:
    return {page.url: reader.pages.file(page.url).stat().st_mtime_ns for page in reader.pages.all()}


def test_only_what_has_changed_is_written_again(site, reader) -> None:
    links = "<a href='/a'>A</a><a href='/b'>B</a><a href='/c'>C</a><a href='/d'>D</a>"
    site.html("/", f"<p>Welcome.</p>{links}", etag='"1"', last_modified="Sat, 28 Nov 2026 10:00:00 GMT")
    site.html("/a", "<p>Alpha.</p>", etag='"1"')
    site.html("/b", "<p>Beta.</p>")
    site.html("/c", "<p>Gamma.</p>")
    site.html("/d", "<p>Delta.</p>")
    reader.run("/")
    before = times(reader)
    site.asked.clear()
    site.html("/a", "<p>Alpha, anew.</p><a href='/e'>E</a>", etag='"2"')
    site.html("/e", "<p>Epsilon.</p>")
    site.pages["/c"] = answer(b"", status=500)
    site.pages["/d"] = answer(b"", status=410)
    outcome = reader.run()
    assert sorted(outcome.written) == [f"{site.url}/a", f"{site.url}/e"]
    assert sorted(outcome.unchanged) == [f"{site.url}/", f"{site.url}/b"]
    assert outcome.removed == [f"{site.url}/d"]
    assert reader.skipped(outcome) == {"/c": "the server answers 500", "/d": "the server answers 410"}
    assert reader.kept() == ["/", "/a", "/b", "/c", "/e"]
    after = times(reader)
    assert {url for url in before if before[url] != after.get(url)} == {f"{site.url}/a", f"{site.url}/d"}
    conditions = {path: headers for path, headers, _ in site.asked}["/"]
    assert (conditions["If-None-Match"], conditions["If-Modified-Since"]) == ('"1"', "Sat, 28 Nov 2026 10:00:00 GMT")


def test_a_page_that_is_to_be_found_no_more_is_removed_and_one_that_has_moved_moves(site, reader) -> None:
    site.html("/", "<p>Welcome.</p><a href='/a'>A</a><a href='/b'>B</a><a href='/c'>C</a>")
    for name in ("a", "b", "c"):
        site.html(f"/{name}", f"<p>Page {name}.</p>")
    reader.run("/")
    site.html("/a", "<p>Page a.</p>", "<meta name='robots' content='noindex'>")
    site.pages["/b"] = redirect("/new", 301)
    site.html("/new", "<p>Page b.</p>")
    site.pages["/c"] = redirect("/", 302)
    reader.run()
    assert reader.kept() == ["/", "/c", "/new"], "a redirect for the moment removes nothing"


def test_a_site_with_another_scheme_by_now_keeps_no_page_twice(site, reader) -> None:
    site.html("/", "<p>Welcome.</p><a href='/a'>A</a>")
    site.html("/a", "<p>Alpha.</p>")
    reader.run("/")
    for page in reader.pages.all():  # as if they had been read over the other one
        old = page.url.replace("http:", "https:")
        reader.pages.write(replace(page, url=old), reader.pages.text(page.url))
        reader.pages.remove(page.url)
    outcome = reader.run()
    assert (len(outcome.written), len(outcome.removed)) == (2, 2)
    assert reader.kept() == ["/", "/a"]


def test_a_site_that_is_gone_for_the_moment_loses_nothing(site, reader) -> None:
    site.html("/", "<p>Welcome.</p><a href='/a'>A</a>")
    site.html("/a", "<p>Alpha.</p>")
    reader.run("/")
    for broken in (raw(), answer(b"", status=503), answer(b"", status=429)):
        site.pages = {"/": broken, "/a": broken, "/robots.txt": broken}
        outcome = reader.run()
        assert (outcome.written, outcome.unchanged, outcome.removed) == ([], [], [])
        assert reader.kept() == ["/", "/a"]


def test_what_the_operator_has_removed_stays_away(site, reader) -> None:
    site.html("/", "<p>Welcome.</p><a href='/a'>A</a><a href='/blog/1'>1</a>")
    site.html("/a", "<p>Alpha.</p>")
    site.html("/blog/1", "<p>One.</p>")
    reader.source = Source(f"{site.url}/", "site", removed=[f"{site.url}/blog/", f"{site.url}/a"])
    reader.run()
    assert reader.kept() == ["/"]


def test_a_page_without_a_title_has_its_address_s(site, reader) -> None:
    site.html("/", "<p>Welcome.</p><a href='/our-tea?a=b'>Tea</a>")
    site.html("/our-tea?a=b", "<p>Two euros.</p>", content_language="de")
    reader.run("/")
    assert [page.title for page in reader.pages.all()] == ["127.0.0.1", "our-tea"]


def test_what_servers_say_wrongly_of_a_page_is_borne(site, reader) -> None:
    kinds = (
        "text/html; charset=\xff",
        "text/html; charset=klingon",
        "TEXT/HTML;",
        "text/html; charset=utf-8; charset=x",
        "",
    )
    site.html("/", "<p>Welcome.</p>" + "".join(f"<a href='/{number}'>{number}</a>" for number in range(len(kinds))))
    for number, kind in enumerate(kinds):
        site.pages[f"/{number}"] = answer(f"<!doctype html><main><p>Tee für {number}</p></main>".encode(), kind)
    reader.run("/")
    assert [f"Tee für {number}" in reader.text(f"/{number}") for number in range(len(kinds))] == [True] * len(kinds)


def test_hostile_titles_and_names_do_no_harm(site, reader) -> None:
    site.html("/..%2f..%2fetc/passwd", "<h1>a\x1b[31mb\n---\nurl: https://evil.example/</h1><p>Text.</p>")
    reader.run("/..%2f..%2fetc/passwd", "page")
    (page,) = reader.pages.all()
    assert page.url == f"{site.url}/..%2f..%2fetc/passwd"
    assert read(reader.pages.file(page.url)).url == page.url
