"""Markdown as people write it: what is a heading, what is text, and what is said about the file."""

import pytest

from app.knowledge.documents import UnreadableError
from app.knowledge.reading.markdown import read


def sections(text: str) -> list[tuple[tuple[str, ...], str]]:
    return [(each.headings, each.text) for each in read(text.encode(), "file.md").sections]


def test_each_heading_begins_a_section_below_those_above_it() -> None:
    text = "Before.\n\n# A\n\na\n\n### C ###\n\nc\n\n## B\n\nb\n\n# Other\n\no\n"
    assert sections(text) == [
        ((), "Before."),
        (("A",), "a"),
        (("A", "C"), "c"),
        (("A", "B"), "b"),
        (("Other",), "o"),
    ]


def test_underlined_headings_are_headings() -> None:
    assert sections("First\n=====\n\na\n\nTwo\nlines\n---\n\nb\n\nThird\n===\n\nc") == [
        (("First",), "a"),
        (("First", "Two lines"), "b"),
        (("Third",), "c"),
    ]


def test_a_paragraph_that_is_underlined_is_not_lost() -> None:
    paragraph = "This is said at length. " * 20
    ((path, text),) = sections(f"# T\n\n{paragraph}\n---\n\n## Next\n")
    assert text == paragraph.strip()
    assert len(path) == 1


@pytest.mark.parametrize(
    "text",
    [
        "```sh\n# no heading\n```",
        "~~~\n# no heading\n\nNo heading\n===\n~~~",
        "    # no heading",
        "> # no heading",
        "- item\n\n  ```\n  # no heading\n  ```",
        "- # no heading",
        "#no heading",
        "\\# no heading",
        "####### no heading",
        "```\n# never ended",
        "````\n```\n# no heading\n```\n````",
    ],
)
def test_what_only_looks_like_a_heading_is_text(text) -> None:
    assert sections(f"# Title\n\n## Real\n\n{text}\n") == [(("Real",), text)]


def test_headings_without_text_are_in_the_path_of_what_is_below_them_and_are_nothing_else() -> None:
    assert sections("# T\n\n## A\n\n### B\n\nb\n\n## Empty\n\n## Also empty\n") == [(("A", "B"), "b")]


def test_headings_are_plain_text() -> None:
    heading = "## **Bold** _and_ `code` [link](https://x.example) ![pic](p.png) &amp; a\\*b <b>c</b> snake_case"
    assert sections(f"# T\n\n{heading}\n\nx") == [(("Bold and code link pic & a*b c snake_case",), "x")]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("## Prices {#prices}", "#prices"),
        ("## Prices {: #prices .class }", "#prices"),
        ('## <a id="prices"></a>Prices', "#prices"),
        ("## Prices", ""),
    ],
)
def test_a_heading_may_say_its_anchor(heading, anchor) -> None:
    (section,) = read(f"# T\n\n{heading}\n\nx".encode(), "a.md").sections
    assert (section.headings, section.anchor) == (("Prices",), anchor)


def test_tables_lists_and_code_keep_their_lines() -> None:
    blocks = [
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "- one\n- two\n  - three",
        "1. a\n2. b",
        "```\nx\n\ny\n```",
        "> said\n> so",
    ]
    assert sections("# T\n\n## S\n\n" + "\n\n".join(blocks)) == [(("S",), "\n\n".join(blocks))]


def test_the_lines_of_a_paragraph_are_joined_unless_it_breaks_them() -> None:
    assert sections("one\ntwo  \nthree\\\nfour\n\n日本\n語です\nand") == [
        ((), "one two  \nthree\\\nfour\n\n日本語です and")
    ]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[a](https://x.example/y) [b](mailto:u@x.example)", "[a](https://x.example/y) [b](mailto:u@x.example)"),
        ("[a](other.md) [b](#below) [c](/root)", "a b c"),
        ("[a][ref] [ref][] [ref]", "[a](https://x.example) [ref](https://x.example) [ref](https://x.example)"),
        ("![pic](p.png) [![badge](b.svg)](https://x.example)", "pic [badge](https://x.example)"),
        ("[x] [a](<https://x.example/a b> 'title')", "[x] [a](https://x.example/a b)"),
        ("`[a](b.md)` [c](d.md)", "`[a](b.md)` c"),
        ("a <!-- hidden --> b `<!-- shown -->`", "a  b `<!-- shown -->`"),
        ("[wiki](https://x.example/a_(b))", "[wiki](https://x.example/a_(b))"),
    ],
)
def test_links_lead_somewhere_or_are_words(written, shown) -> None:
    assert sections(f"# T\n\n{written}\n\n[ref]: https://x.example\n")[0][1] == shown


def test_comments_are_left_out_and_html_becomes_markdown() -> None:
    text = """# T

<!-- # hidden

also hidden -->

Shown.

<details>
<summary>How long?</summary>

Three **days**.

</details>

<table><tr><th>Tea</th><th>€</th></tr><tr><td>Mint</td><td>4</td></tr></table>

<script>alert(1)</script>
"""
    assert sections(text) == [
        ((), "Shown."),
        (("How long?",), "Three **days**.\n\n| Tea | € |\n| --- | --- |\n| Mint | 4 |"),
    ]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# The shop\n\nx", "The shop"),
        ("x\n\n# The shop\n\ny", "The shop"),
        ("# One\n\nx\n\n# Two\n\ny", "file.md"),
        ("## Part\n\nx\n\n# Late\n\ny", "file.md"),
        ("No heading", "file.md"),
        ("---\ntitle: From above\n---\n# The shop\n\nx", "From above"),
        ("", "file.md"),
    ],
)
def test_the_title_is_said_is_the_only_heading_or_is_the_files_name(text, title) -> None:
    assert read(text.encode(), "file.md").title == title


def test_front_matter_is_about_the_text() -> None:
    document = read(
        b"\xef\xbb\xbf---\r\ntitle: 'Opening: hours'\r\nurl: https://x.example/a\r\nlanguage: de\r\n---\r\nX\r\n",
        "a.md",
    )
    assert (document.title, document.url, document.language) == ("Opening: hours", "https://x.example/a", "de")
    assert [each.text for each in document.sections] == ["X"]


@pytest.mark.parametrize(
    ("block", "url"),
    [
        ("---\nurl: /about/\n---\n", ""),
        ("---\nURL: https://x.example\n---\n", "https://x.example"),
        ("---\ncanonical_url: https://x.example\n...\n", "https://x.example"),
        ("+++\nurl = 'https://x.example'\n+++\n", "https://x.example"),
        ("---\nurl: [1, 2]\n---\n", ""),
        ("---\nurl: javascript:alert(1)\n---\n", ""),
        ("---\n# only a comment\n---\n", ""),
        ("---\n---\n", ""),
    ],
)
def test_an_address_is_absolute_or_none(block, url) -> None:
    document = read(f"{block}X".encode(), "a.md")
    assert (document.url, [each.text for each in document.sections]) == (url, ["X"])


@pytest.mark.parametrize("said", ["draft: true", "published: false"])
def test_a_draft_is_not_read(said) -> None:
    document = read(f"---\ntitle: Soon\n{said}\n---\nNot yet.".encode(), "a.md")
    assert (document.draft, document.title, document.sections) == (True, "Soon", ())


def test_lines_that_are_no_front_matter_are_text() -> None:
    assert sections("---\n\nJust text\n\n---\n\nmore") == [((), "Just text\n\nmore")]
    assert sections("x\n\n---\n\ny: z") == [((), "x\n\ny: z")]


@pytest.mark.parametrize(
    "block", ["---\ntitle: a: b\n---\n", "---\na: [\n---\n", "+++\nx\n+++\n", "---\na: 2021-99-99\n---\n"]
)
def test_a_mistake_in_front_matter_is_named(block) -> None:
    with pytest.raises(UnreadableError, match=r"^its front matter has a mistake: "):
        read(f"{block}X".encode(), "a.md")


def test_an_alias_that_would_grow_without_end_does_no_harm() -> None:
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]
    assert read("\n".join(["---", *lines, "title: T", "---", "X"]).encode(), "a.md").title == "T"
