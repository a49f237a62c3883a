"""Sitemaps as sites have them."""

import time

import pytest

from app.knowledge.pages.fetching import SkippedError
from app.knowledge.pages.sitemaps import DEPTH, MOST_FILES, is_sitemap, read_sitemap, walk

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def urlset(*addresses: str) -> bytes:
    urls = "".join(f"<url><loc>{address}</loc></url>" for address in addresses)
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="{NAMESPACE}">{urls}</urlset>'.encode()


def index(*addresses: str) -> bytes:
    maps = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in addresses)
    return f'<sitemapindex xmlns="{NAMESPACE}">{maps}</sitemapindex>'.encode()


def test_pages_are_listed_and_pictures_and_translations_of_them_are_not() -> None:
    data = f"""<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="a.xsl"?>
    <urlset xmlns="{NAMESPACE}" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"
     xmlns:xhtml="http://www.w3.org/1999/xhtml">
    <url><loc> https://shop.example/a?b=1&amp;c=2 </loc><lastmod>2026-01-01</lastmod>
      <image:image><image:loc>https://shop.example/a.jpg</image:loc></image:image>
      <xhtml:link rel="alternate" hreflang="de" href="https://shop.example/de/a"/></url>
    <url><loc><![CDATA[https://shop.example/b]]></loc></url><url><loc></loc></url><url/></urlset>"""
    assert read_sitemap(data.encode()).pages == ["https://shop.example/a?b=1&c=2", "https://shop.example/b"]


@pytest.mark.parametrize(
    "data",
    [
        b"\n\n" + urlset("https://shop.example/a"),
        b"\xef\xbb\xbf" + urlset("https://shop.example/a"),
        b"<urlset><url><loc>https://shop.example/a</loc></url></urlset>",
        urlset("https://shop.example/a") + b"<!-- made in 1 s --></div>",
        urlset("https://shop.example/a", "https://shop.example/b & c")[:-60],
        b'<s:urlset xmlns:s="http://www.google.com/schemas/sitemap/0.84"><s:url><s:loc>https://shop.example/a</s:loc></s:url></s:urlset>',
    ],
)
def test_mistakes_that_search_engines_forgive_are_forgiven(data) -> None:
    assert is_sitemap(data)
    assert read_sitemap(data).pages[0] == "https://shop.example/a"


def test_what_is_no_sitemap_is_none() -> None:
    for data in (b"", b"<html><p>urlset</p></html>", b"<rss><channel/></rss>", b"%PDF-1.7", b"https://shop.example/"):
        assert not is_sitemap(data)


def test_nothing_of_the_machine_is_read_into_one_and_nothing_swells(tmp_path) -> None:
    (tmp_path / "secret").write_text("secret")
    entities = f'<!DOCTYPE a [<!ENTITY b SYSTEM "file://{tmp_path}/secret"><!ENTITY c "tea tea">'
    entities += "".join(f"<!ENTITY c{n} '" + f"&c{n - 1 or ''};" * 50 + "'>" for n in range(1, 9)) + "]>"
    data = f"{entities}<urlset><url><loc>https://shop.example/&b;&c8;</loc></url></urlset>"
    begun = time.process_time()
    found = read_sitemap(data.encode()).pages
    assert "secret" not in repr(found)
    assert len(repr(found)) < 1000
    assert time.process_time() - begun < 1


def served(files: dict[str, bytes], skipped: list[str]):
    def get(url: str) -> bytes:
        if url not in files:
            raise SkippedError("the server answers 404")
        return files[url]

    return get, lambda url, error: skipped.append(f"{url}: {error}")


def test_an_index_leads_to_sitemaps_and_each_is_read_once() -> None:
    skipped: list[str] = []
    files = {
        "https://shop.example/sitemap.xml": index(
            "https://shop.example/1.xml", "https://shop.example/1.xml", "//2", "https://shop.example/3.xml"
        ),
        "https://shop.example/1.xml": urlset("https://shop.example/a"),
        "https://shop.example/3.xml": b"<html></html>",
    }
    get, skip = served(files, skipped)
    assert list(walk(["https://shop.example/sitemap.xml", "https://shop.example/gone.xml"], get, skip)) == [
        "https://shop.example/a"
    ]
    assert skipped[0] == "https://shop.example/gone.xml: the server answers 404"
    assert "'//2' is no address of a page" in skipped[1]
    assert skipped[2] == "https://shop.example/3.xml: is no sitemap"


def test_indexes_of_indexes_have_an_end() -> None:
    asked: list[str] = []

    def get(url: str) -> bytes:
        asked.append(url)
        return index(*(f"{url}{digit}" for digit in range(10)))

    assert list(walk(["https://shop.example/"], get, lambda *_: None)) == []
    assert len(asked) == MOST_FILES
    assert max(len(url) for url in asked) <= len("https://shop.example/") + DEPTH
    asked.clear()
    list(walk(["https://shop.example/"], lambda url: asked.append(url) or index(f"{url}0"), lambda *_: None))
    assert len(asked) == DEPTH + 1
