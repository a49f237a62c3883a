"""Pages as files in the home folder."""

import os
from pathlib import Path

import pytest

from app.knowledge.pages.kept import Page, Pages, header, write_whole

URL = "https://shop.example/tea/green?size=2"
HOSTILE = (
    *("https://shop.example/../../../etc/passwd", "https://shop.example/%2e%2e/%2e%2e/x", "https://../x"),
    *("https://shop.example/" + "a" * 1900, "https://shop.example/%00%0a", "https://shop.example/.hidden"),
    *("https://shop.example/con?<>:|*", "http://[2001:db8::1]:8080/x", "https://.hidden/x", "https://a/%F0%9F%8D%B5"),
)


@pytest.fixture
def pages(tmp_path) -> Pages:
    return Pages(tmp_path / "agent")


def page(url: str = URL, **values: str) -> Page:
    return Page(**{"url": url, "title": "Green tea", "source": "https://shop.example/", "hash": "0a"} | values)


def test_a_page_is_markdown_with_what_is_known_of_it_in_front(pages) -> None:
    kept = page(title='Tea: "green" #1\x07 — ürün\n---', etag='W/"1"', language="de", read="2026-01-31T08:05:00+00:00")
    pages.write(kept, "## Prices\n\n---\n\n2 €\n")
    text = pages.file(URL).read_text(encoding="utf-8")
    assert text.startswith(f"---\nurl: {URL}\ntitle: ")
    assert text.endswith("---\n\n## Prices\n\n---\n\n2 €\n")
    assert "last_modified" not in text, "nobody said"
    assert pages.get(URL) == kept
    assert pages.text(URL) == "## Prices\n\n---\n\n2 €\n"


@pytest.mark.parametrize("address", HOSTILE)
def test_every_address_has_a_safe_place_of_its_own(pages, address, tmp_path) -> None:
    file = pages.file(address)
    folder = tmp_path / "agent"
    assert file.parent.parent == folder
    assert Path(os.path.normpath(file)) == file
    assert not file.name.startswith((".", "-"))
    assert not file.parent.name.startswith(".")
    assert len(file.name) < 110
    assert file.name.isascii()
    pages.write(page(address), "Tea")
    assert pages.get(address) == page(address, read=pages.get(address).read)


def test_no_two_addresses_have_the_same_place(pages) -> None:
    alike = ["https://a/b-c", "https://a/b/c", "https://a/B/C", "https://a/b?c", "https://a/b%20c", "http://a/b/c"]
    assert len({pages.file(address) for address in [*alike, *HOSTILE]}) == len(alike) + len(HOSTILE)


def test_pages_are_listed_by_address_and_other_files_are_left_out(pages, tmp_path) -> None:
    for url in ("https://b/", "https://a/2", "https://a/1"):
        pages.write(page(url), "Tea")
    for name, content in (
        ("x.md", b"# Mine"),
        ("y.md", b"---\n[\n---\n"),
        ("z.md", b"\xff"),
        ("v.md", b"---\n- a\n---\n"),
    ):
        (tmp_path / "agent" / "a" / name).write_bytes(content)
    assert [each.url for each in pages.all()] == ["https://a/1", "https://a/2", "https://b/"]


def test_a_page_that_is_removed_leaves_no_empty_folder(pages, tmp_path) -> None:
    pages.write(page(), "Tea")
    pages.remove(URL)
    pages.remove(URL)
    assert pages.get(URL) is None
    assert list((tmp_path / "agent").iterdir()) == []


def test_a_file_is_whole_or_not_there(tmp_path) -> None:
    write_whole(tmp_path / "a" / "b", b"Tea")
    assert (tmp_path / "a" / "b").read_bytes() == b"Tea"
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "a", b"Tea")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b"], "no draft is left"


def test_a_header_is_kept_where_it_may_be_sent_back() -> None:
    assert header('W/"tea-1"') == 'W/"tea-1"'
    assert [header(each) for each in ("a\rb", "a\nX: y", "ü", "a" * 300, "")] == [""] * 5
