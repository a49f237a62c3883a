"""How pages were added is written down."""

import pytest

from app.knowledge.pages.sources import NAME, Bounds, Source, Sources, SourcesError, is_at


def test_what_was_added_is_found_again_as_it_was(tmp_path) -> None:
    sources = Sources(tmp_path / "agent")
    assert sources.all() == []
    first = Source(
        "https://shop.example/", "site", Bounds(7, 3, 60.0, 0.5), ["shop.internal"], ["https://shop.example/a"]
    )
    second = Source("/srv/prices.pdf", "file")
    sources.put(first)
    sources.put(second)
    assert Sources(tmp_path / "agent").all() == [first, second]
    changed = Source(
        first.address, "site", removed=["https://shop.example/b"], repeated={"0a": "https://shop.example/"}
    )
    sources.put(changed)
    assert sources.all() == [changed, second], "in the place of the first"


def test_what_a_newer_version_writes_beside_is_left_aside(tmp_path) -> None:
    (tmp_path / NAME).write_text(
        '{"sources": [{"address": "https://a/", "kind": "page", "bounds": {}, "new": 1}], "b": 2}'
    )
    assert Sources(tmp_path).all() == [Source("https://a/", "page")]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"sources": [1]}', '{"sources": [{"kind": "page"}]}', '{"sources": 1}']
)
def test_a_damaged_file_is_named(tmp_path, text) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(SourcesError, match=NAME):
        Sources(tmp_path).all()


def test_an_address_with_a_slash_at_its_end_stands_for_all_below_it() -> None:
    assert is_at("https://a/b", "https://a/b")
    assert is_at("https://a/b/c", "https://a/b/")
    assert not is_at("https://a/bc", "https://a/b")
    assert not is_at("https://a/b", "https://a/b/")


def test_what_was_removed_is_left_out() -> None:
    source = Source("https://a/", "site", removed=["https://a/b", "https://a/c/"])
    assert [source.leaves_out(f"https://a/{path}") for path in ("b", "c/d", "b/c", "d")] == [True, True, False, False]
