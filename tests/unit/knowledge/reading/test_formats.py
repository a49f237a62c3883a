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
