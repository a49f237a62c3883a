"""Addresses of pages."""

import pytest

from app.knowledge.pages.urls import Scope, is_asset, is_document, is_trap, normalised, path_below


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("https://Shop.Example", "https://shop.example/"),
        ("https://shop.example:443/a#top", "https://shop.example/a"),
        ("http://shop.example:8080/a", "http://shop.example:8080/a"),
        ("https://müller.example/über uns", "https://xn--mller-kva.example/%C3%BCber%20uns"),
        ("https://shop.example/a%20b?q=ä&utm_source=x&utm_campaign=y", "https://shop.example/a%20b?q=%C3%A4"),
        ("https://shop.example/a?fbclid=1", "https://shop.example/a"),
        ("https://shop.example/a;jsessionid=0A.b?PHPSESSID=1&c=2", "https://shop.example/a?c=2"),
        ("https://shop.example/a?b=1&c=2", "https://shop.example/a?b=1&c=2"),
        ("https://shop.example/docs/../intern", "https://shop.example/intern"),
        ("https://shop.example//evil.example/", "https://shop.example/evil.example/"),
        ("  https://shop.example/a\n", "https://shop.example/a"),
        ("http://[2001:DB8::1]/", "http://[2001:db8::1]/"),
    ],
)
def test_an_address_has_one_spelling(written, asked) -> None:
    assert normalised(written) == asked
    assert normalised(asked) == asked


@pytest.mark.parametrize(
    "written",
    [
        *("", "shop.example", "ftp://shop.example/", "file:///etc/passwd", "javascript:alert(1)", "mailto:a@b.example"),
        *("https://", "https://user:password@shop.example/", "http://[::1", "http://2130706433/", "http://0x7f.1/"),
        *("https://shop.example:99999/", "https://shop.example/" + "a" * 3000, "https://a..b/"),
    ],
)
def test_what_is_no_address_of_a_page_is_refused(written) -> None:
    with pytest.raises(ValueError, match=r"no address of a page|Port out of range|Invalid IPv6"):
        normalised(written)


@pytest.mark.parametrize(
    ("link", "place"),
    [
        ("https://shop.example/docs/a", "https://shop.example/docs/a"),
        ("http://shop.example/docs/a?b", "https://shop.example/docs/a?b"),
        ("https://www.shop.example/docs/a", "https://shop.example/docs/a"),
        ("https://shop.example/docs", "https://shop.example/docs"),
        ("https://shop.example/files/prices.pdf", "https://shop.example/files/prices.pdf"),
        ("https://shop.example/documents", None),
        ("https://shop.example/docs/../intern", None),
        ("https://shop.example/docs/%2e%2e/intern", None),
        ("https://shop.example:8443/docs/a", None),
        ("https://help.shop.example/docs/a", None),
        ("https://shop.example.evil.example/docs/a", None),
        ("https://other.example/files/prices.pdf", None),
        ("mailto:tea@shop.example", None),
    ],
)
def test_a_site_is_what_lies_below_its_path_on_its_host(link, place) -> None:
    assert Scope("https://shop.example/docs/", "/docs/").place(link) == place


def test_a_site_that_has_moved_to_another_folder_is_what_lies_there() -> None:
    scope = Scope("https://shop.example/help/", "/help/").moved("https://www.shop.example/en/help/start.html")
    assert scope == Scope("https://www.shop.example/en/help/start.html", "/en/help/")
    scope = Scope("https://shop.example/", "/").moved("https://shop.example/de/start")
    assert scope.path == "/", "a start that depends on the visitor's language is no other site"


def test_a_page_stands_for_the_folder_that_it_is_in_or_names() -> None:
    assert path_below("https://shop.example/docs/index.html") == "/docs/"
    assert path_below("https://shop.example/docs/tea") == "/docs/tea/"
    assert path_below("https://shop.example/docs/tea/") == "/docs/tea/"
    assert path_below("https://shop.example/") == "/"


def test_pictures_are_not_asked_for_and_documents_are() -> None:
    assert is_asset("https://shop.example/tea.JPG?size=1")
    assert not is_asset("https://shop.example/tea.jpg/about")
    assert not is_asset("https://shop.example/jpg")
    assert is_document("https://shop.example/Prices.PDF?v=2")
    assert not is_document("https://shop.example/pdf")


def test_paths_that_go_on_for_ever_are_noticed() -> None:
    assert is_trap("https://shop.example/" + "a/b/" * 3)
    assert is_trap("https://shop.example/" + "/".join(map(str, range(30))))
    assert not is_trap("https://shop.example/blog/2026/05/05/tea")
