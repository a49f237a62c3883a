"""What holds for documents of every format."""

import re

import pytest

from app.knowledge.reading.formats import read

ESCAPED = """---
title: "Bread\\0\\e[31m red"
lang: "d\\ae"
---
# Rolls\x1b[31m now

Cinnamon\x1b rolls\tdaily.
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("escaped.md", ESCAPED),
        ("escaped.html", "<title>Bread&#27;[31m</title><h1>Rolls&#x9b;31m</h1><p>Cinnamon&#8;&#x1b; rolls</p>"),
        ("escaped.csv", "question,answer\nWhich\x1b[31m rolls?,Cinnamon\x1b[31m rolls\n"),
        ("escaped.txt", "Bread\x1b[31m\n\nCinnamon\x1b rolls\n"),
    ],
    ids=lambda each: each if each.startswith("escaped.") else "",
)
def test_no_document_has_characters_that_terminals_obey(tmp_path, name, text) -> None:
    (tmp_path / name).write_text(text)
    document = read(tmp_path / name)
    said = [document.title, document.language]
    said += [part for section in document.sections for part in (*section.headings, section.text)]
    assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", " ".join(said)) == []
    assert "Cinnamon" in said[-1]
    assert "rolls" in said[-1]


@pytest.mark.parametrize("ending", ["md", "html"])
def test_no_name_turns_around_what_stands_behind_it(tmp_path, ending) -> None:
    title, heading = "Bread \u202edaerB\u2066", "\u2067Rolls\u202a daily"
    page = f"<title>{title}</title><h1>{title}</h1><h2>{heading}</h2><p>Sweet \u2067ones\u2069.</p>"
    text = f'---\ntitle: "{title}"\n---\n# Bread\n\n## {heading}\n\nSweet \u2067ones\u2069.\n'
    (tmp_path / f"turned.{ending}").write_text(page if ending == "html" else text, encoding="utf-8")
    document = read(tmp_path / f"turned.{ending}")
    assert document.title == "Bread daerB"
    assert document.sections[-1].headings[-1] == "Rolls daily"
    assert "\u2067ones\u2069" in document.sections[-1].text, "a text is its writer's"
